package analyze

const (
	// maxDepth bounds the nesting of expressions and subqueries, as max_stack_depth does in PostgreSQL: later stages recurse over the tree
	// as well. A level costs the deepest of them about 1 KiB of stack.
	maxDepth = 6000
	// maxFuncArgs is PostgreSQL's FUNC_MAX_ARGS: more arguments are refused with its error.
	maxFuncArgs = 100
	// maxTargets is PostgreSQL's MaxTupleAttributeNumber: a row has at most this many columns.
	maxTargets = 1664
	// maxGroupingSets is how many sets CUBE and its kin may expand to, as in PostgreSQL.
	maxGroupingSets = 4096
	// maxViewDepth bounds views over views, which cannot be recursive but may be deep.
	maxViewDepth = 200
	// maxHintDistance is how many edits away a column name may be to be offered in a HINT.
	maxHintDistance = 3
)
