"""Programs to try Regain with: a demo of everything on one machine, and an application to learn from."""
