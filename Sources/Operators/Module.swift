// The Operators module.
