"""Radio datasets: recipes that trace maps in city scenes, and what they are."""
