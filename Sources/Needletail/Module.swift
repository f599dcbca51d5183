// The Needletail module.
