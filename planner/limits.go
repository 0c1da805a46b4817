package planner

const (
	// maxRels is the number of base relations that one query level may join: relation sets are 64-bit masks.
	maxRels = 64
	// exhaustiveRels is the largest join problem solved by dynamic programming; beyond it the greedy search takes over, because the
	// number of subsets doubles with each relation.
	exhaustiveRels = 10
	// maxPathsPerRel bounds the alternatives kept for a relation: cheapest, plus some orders and parameterisations.
	maxPathsPerRel = 12
	// collapseLimit is the number of relations up to which pulled-up subqueries are merged into one join problem (from_collapse_limit).
	collapseLimit = 24
	// maxEstimatedElements is the length up to which the values of an array constant are estimated one by one.
	maxEstimatedElements = 100
	// unknownTablePages is the least size that a table without statistics is thought to have, as in PostgreSQL.
	unknownTablePages = 10
	// inlinedSetsMax bounds the functions in FROM that are replaced by their queries: one that calls itself would never end.
	inlinedSetsMax = 50
	// maxDepth bounds the nesting of query levels, so that a hostile text can't exhaust the stack.
	maxDepth = 200
)
