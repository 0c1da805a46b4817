package planner

// Settings are the planner's GUCs ("Query Planning", PostgreSQL 20.7). Costs are in units of a sequential page fetch.
type Settings struct {
	SeqPageCost, RandomPageCost                       float64
	CPUTupleCost, CPUIndexTupleCost, CPUOperatorCost  float64
	EffectiveCacheSize                                float64 // pages
	WorkMem                                           float64 // bytes
	CursorTupleFraction                               float64
	SeqScan, IndexScan, IndexOnlyScan, BitmapScan     bool
	TidScan, NestLoop, HashJoin, MergeJoin            bool
	HashAgg, Sort, Material, Memoize, IncrementalSort bool
}

// DefaultSettings are PostgreSQL's defaults, with a random page at the price of cached storage.
func DefaultSettings() Settings {
	return Settings{
		SeqPageCost: 1, RandomPageCost: 4, CPUTupleCost: 0.01, CPUIndexTupleCost: 0.005, CPUOperatorCost: 0.0025,
		EffectiveCacheSize: 524288, WorkMem: 4 << 20, CursorTupleFraction: 0.1,
		SeqScan: true, IndexScan: true, IndexOnlyScan: true, BitmapScan: true, TidScan: true,
		NestLoop: true, HashJoin: true, MergeJoin: true, HashAgg: true, Sort: true, Material: true, Memoize: true, IncrementalSort: true,
	}
}

// disableCost is added to what an enable_* setting discourages, as PostgreSQL does: it remains possible when there is no other way.
const disableCost = 1.0e10
