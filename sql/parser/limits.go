package parser

const (
	// maxNormalizedLiterals is how many literals Normalize replaces at most. Statements with more (long IN lists)
	// rarely come twice with the same shape, and would fill the plan cache with large plans.
	maxNormalizedLiterals = 64
	// maxNormalizedText is the longest statement that Normalize looks at, for the same reason.
	maxNormalizedText = 16 << 10
	// maxFoldedText is the longest INSERT whose rows are folded: its literals take about twice the memory of its text.
	maxFoldedText = 8 << 20
	// maxLiteralsKept is how many literals an idle Normalizer keeps room for.
	maxLiteralsKept = 4096
	// maxNesting bounds unclosed brackets and chained prefix operators, so that the grammar's C code, which recurses over the tree without a check of its
	// own, stays well inside its thread's stack. PostgreSQL's own limit (max_stack_depth of 2 MB) is of the same order.
	maxNesting = 2000
	// maxChain bounds the length of operator chains such as 1+1+1+..., which nest as deeply as they are long; the decoder of the tree gives up soon after.
	// Only text longer than deepTextMin is looked at.
	maxChain    = 4000
	deepTextMin = 4000
)
