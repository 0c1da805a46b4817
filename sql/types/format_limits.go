package types

// Limits of to_char and its like.
const (
	// formatCacheMax is how many templates are remembered, and formatCacheText how long one may be: applications use few and
	// short ones, and a client that makes them up must not fill the memory.
	formatCacheMax  = 256
	formatCacheText = 256
)
