// A backend.
