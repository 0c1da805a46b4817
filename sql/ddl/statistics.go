package ddl

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// vacuum is VACUUM and ANALYZE. There is nothing to vacuum: versions that nobody needs go by themselves. VACUUM counts rows, though, for the planner.
func (r *runner) vacuum(n *pg.VacuumStmt) {
	analyze := !n.IsVacuumcmd
	for _, o := range n.Options {
		d := o.GetDefElem()
		switch d.Defname {
		case "analyze":
			analyze = defBool(d)
		case "full", "freeze", "verbose", "skip_locked", "disable_page_skipping", "index_cleanup", "process_toast", "truncate", "parallel":
		default:
			word := "VACUUM"
			if !n.IsVacuumcmd {
				word = "ANALYZE"
			}
			failAt(d.Location, pgerr.SyntaxError, "unrecognized %s option \"%s\"", word, d.Defname)
		}
	}
	if len(n.Rels) == 0 {
		if analyze {
			r.analyzeAll()
		}
		return
	}
	for _, x := range n.Rels {
		v := x.GetVacuumRelation()
		rel := r.need(v.Relation)
		word := "vacuum"
		if analyze && !n.IsVacuumcmd {
			word = "analyze"
		}
		if rel.OID < catalog.FirstNormalOID {
			continue
		}
		if !r.owns(rel.Owner) {
			r.note(pgerr.Warn(pgerr.InsufficientPrivilege, "permission denied to %s \"%s\", skipping it", word, rel.Name))
			continue
		}
		if rel.RelKind != 'r' && rel.RelKind != 'm' {
			r.note(pgerr.Warn(pgerr.WrongObjectType, "skipping \"%s\" --- cannot %s non-tables or special system tables", rel.Name, word))
			continue
		}
		var atts []int
		for _, name := range strs(v.VaCols) {
			att := findColumn(rel, name)
			if att == 0 {
				failf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, rel.Name)
			}
			atts = append(atts, att)
		}
		if analyze {
			r.analyzeTable(rel, atts)
		} else {
			r.countTable(rel)
		}
	}
}

// countTable puts the number of a table's rows; statistics of columns stay as they are.
func (r *runner) countTable(rel *catalog.Relation) {
	r.lock(rel.OID, txn.ShareUpdateExclusive)
	_, total := r.sample(rel, nil)
	s := r.freshStatistics(rel, total)
	width := tupleOverhead
	if old := r.Overlay.Stats(rel.OID); old != nil {
		s.Columns = old.Columns
		for _, c := range old.Columns {
			width += c.Width
		}
	}
	s.Pages = math.Ceil(width * float64(total) / pageBytes)
	r.Overlay.Put(s)
}

// freshStatistics replaces a table's statistics, if there are any.
func (r *runner) freshStatistics(rel *catalog.Relation, rows int) *catalog.Statistics {
	s := &catalog.Statistics{Table: rel.OID, Rows: float64(rows)}
	if old := r.Overlay.Stats(rel.OID); old != nil {
		s.Header = old.Header
	} else {
		s.Header = catalog.Header{OID: r.oid(), Database: r.Database}
	}
	return s
}

func (r *runner) analyzeAll() {
	for _, rel := range r.Overlay.Relations(0) {
		if (rel.RelKind == 'r' || rel.RelKind == 'm') && r.owns(rel.Owner) && (rel.Persistence != 't' || rel.Schema == r.Analyze.TempSchema) {
			r.analyzeTable(rel, nil)
		}
	}
}

// pageBytes is the page size that pg_class.relpages counts in.
const pageBytes = 8192

// tupleOverhead is a row's header and line pointer in PostgreSQL's pages.
const tupleOverhead = 28.0

// analyzeTable samples a table and puts its statistics. atts limits it to some columns; the others keep theirs.
func (r *runner) analyzeTable(rel *catalog.Relation, atts []int) {
	r.lock(rel.OID, txn.ShareUpdateExclusive)
	var cols []int
	for i := range rel.Columns {
		c := &rel.Columns[i]
		if !c.Dropped && c.StatTarget != 0 && (atts == nil || slices.Contains(atts, i+1)) {
			cols = append(cols, i+1)
		}
	}
	r.analyzing(rel, 0, false)
	sample, total := r.sample(rel, cols)
	s := r.freshStatistics(rel, total)
	if old := r.Overlay.Stats(rel.OID); old != nil && atts != nil {
		for _, c := range old.Columns {
			if !slices.Contains(cols, c.Att) {
				s.Columns = append(s.Columns, c)
			}
		}
	}
	width := tupleOverhead
	for i, att := range cols {
		c := r.columnStats(rel, att, sample, i, float64(total))
		width += c.Width
		s.Columns = append(s.Columns, c)
	}
	slices.SortFunc(s.Columns, func(a, b catalog.ColumnStats) int { return a.Att - b.Att })
	if total > 0 {
		s.Pages = math.Ceil(width * float64(total) / pageBytes)
	}
	r.Overlay.Put(s)
	r.analyzing(rel, int64(total), true)
}

func (r *runner) analyzing(rel *catalog.Relation, rows int64, done bool) {
	if r.Analyzing != nil {
		r.Analyzing(rel.OID, rows, done)
	}
}

// sample reads a table and keeps up to sampleRows rows of it, each equally likely, in table order. total counts all rows.
func (r *runner) sample(rel *catalog.Relation, cols []int) (sample [][]types.Datum, total int) {
	exprs := make([]tree.Expr, len(cols))
	for i, att := range cols {
		exprs[i] = columnVar(rel, att)
	}
	type numbered struct {
		n   int
		row []types.Datum
	}
	var kept []numbered
	rng := rand.New(rand.NewPCG(uint64(rel.OID), 1)) // the same answer for the same rows
	_, err := r.Run(scanQuery(rel, nil, exprs), func(row []types.Datum) error {
		if total++; total%progressRows == 0 {
			r.analyzing(rel, int64(total), false)
		}
		switch {
		case len(kept) < sampleRows:
			kept = append(kept, numbered{total, slices.Clone(row)})
		default:
			if k := rng.IntN(total); k < sampleRows {
				kept[k] = numbered{total, slices.Clone(row)}
			}
		}
		return nil
	})
	must(err)
	sort.Slice(kept, func(i, j int) bool { return kept[i].n < kept[j].n })
	for _, k := range kept {
		sample = append(sample, k.row)
	}
	return sample, total
}

// valueAt is a sampled value with its place in the table.
type valueAt struct {
	v  types.Datum
	at int
}

// columnStats computes what PostgreSQL's compute_scalar_stats does.
func (r *runner) columnStats(rel *catalog.Relation, att int, sample [][]types.Datum, i int, total float64) catalog.ColumnStats {
	t := rel.Columns[att-1].T
	s := catalog.ColumnStats{Att: att}
	ctx := r.typeCtx()
	fixed := types.ClassOf(ctx, t.OID) == types.Fixed
	var values []valueAt
	nulls, width := 0, 0.0
	for n, row := range sample {
		d := row[i]
		if d.Null {
			nulls++
			continue
		}
		if fixed {
			width += fixedWidth(ctx, t.OID)
		} else {
			width += float64(len(d.S)) + 1
			if len(d.S) > maxStatWidth {
				continue
			}
		}
		values = append(values, valueAt{d, n})
	}
	if len(sample) == 0 {
		return s
	}
	s.NullFrac = float64(nulls) / float64(len(sample))
	if present := len(sample) - nulls; present > 0 {
		s.Width = width / float64(present)
	}
	if len(values) == 0 || r.Overlay.TypeOps(t.OID).Lt == 0 {
		if r.Overlay.TypeOps(t.OID).Lt == 0 && len(values) > 0 {
			s.Distinct = -1 + s.NullFrac
		}
		return s
	}
	cmp := types.Comparator(ctx, t.OID)
	sort.SliceStable(values, func(a, b int) bool { return cmp(values[a].v, values[b].v) < 0 })
	s.Correlation = correlation(values)
	fillDistribution(&s, values, cmp, float64(len(sample)), total)
	return s
}

func fixedWidth(ctx *types.Ctx, oid types.OID) float64 {
	if ty := types.Lookup(ctx, types.BaseType(ctx, types.Of(oid)).OID); ty != nil && ty.Len > 0 {
		return float64(ty.Len)
	}
	return 8
}

// correlation of the order of sorted values with their places in the table.
func correlation(values []valueAt) float64 {
	n := float64(len(values))
	if n < 2 {
		return 0
	}
	places := make([]int, len(values))
	for i := range values {
		places[i] = values[i].at
	}
	slices.Sort(places)
	rank := make(map[int]int, len(places))
	for i, p := range places {
		rank[p] = i
	}
	var xy float64
	for i := range values {
		xy += float64(i) * float64(rank[values[i].at])
	}
	sum := (n - 1) * n / 2
	sq := (n - 1) * n * (2*n - 1) / 6
	return (n*xy - sum*sum) / (n*sq - sum*sum)
}

// group is a distinct value with its count in the sample.
type group struct{ first, count int }

// fillDistribution finds the number of distinct values, the most common ones and the histogram of the rest.
func fillDistribution(s *catalog.ColumnStats, values []valueAt, cmp func(a, b types.Datum) int, sampled, total float64) {
	var groups []group
	for i := range values {
		if i == 0 || cmp(values[i-1].v, values[i].v) != 0 {
			groups = append(groups, group{i, 0})
		}
		groups[len(groups)-1].count++
	}
	single := 0
	for _, g := range groups {
		if g.count == 1 {
			single++
		}
	}
	s.Distinct = distinct(float64(len(groups)), float64(single), float64(len(values)), sampled, total)
	var common []group
	for _, g := range groups {
		if g.count > 1 {
			common = append(common, g)
		}
	}
	sort.SliceStable(common, func(i, j int) bool { return common[i].count > common[j].count })
	complete := len(common) == len(groups) && s.Distinct > 0 && len(groups) <= statsTarget
	if !complete {
		common = common[:min(len(common), statsTarget)]
		common = keepCommon(common, s.Distinct, s.NullFrac, sampled, total)
	}
	used := map[int]bool{}
	for _, g := range common {
		s.MCV = append(s.MCV, values[g.first].v)
		s.MCF = append(s.MCF, float64(g.count)/sampled)
		used[g.first] = true
	}
	var rest []types.Datum
	left := 0
	for _, g := range groups {
		if used[g.first] {
			continue
		}
		left++
		for k := 0; k < g.count; k++ {
			rest = append(rest, values[g.first].v)
		}
	}
	if left < 2 {
		return
	}
	n := min(left, statsTarget+1)
	for i := 0; i < n; i++ {
		s.Histogram = append(s.Histogram, rest[i*(len(rest)-1)/(n-1)])
	}
}

// distinct is the estimator of Haas and Stokes as PostgreSQL uses it: negative for a fraction of the rows.
func distinct(groups, single, values, sampled, total float64) float64 {
	d := groups
	switch {
	case single == values && groups == values: // all differ: a fraction of the rows that are not null
		return -(values / sampled)
	case single == 0:
	default:
		n := values
		nullFrac := 1 - values/sampled
		big := total * (1 - nullFrac)
		if big > 0 {
			d = n * groups / (n - single + single*n/big)
		}
		d = math.Floor(min(max(d, groups), big) + 0.5)
	}
	if d > 0.1*total {
		return -(d / total)
	}
	return d
}

// keepCommon drops values that are not significantly more common than those left out (PostgreSQL's analyze_mcv_list).
func keepCommon(common []group, distinctEst, nullFrac, sampled, total float64) []group {
	if sampled == total || total <= 1 {
		return common
	}
	nd := distinctEst
	if nd < 0 {
		nd = -nd * total
	}
	sum := 0.0
	for _, g := range common[:max(len(common)-1, 0)] {
		sum += float64(g.count)
	}
	n := len(common)
	for n > 0 {
		selec := max(0, min(1, 1-sum/sampled-nullFrac))
		if other := nd - float64(n-1); other > 1 {
			selec /= other
		}
		k := total * float64(common[n-1].count) / sampled
		variance := sampled * k * (total - k) * (total - sampled) / (total * total * (total - 1))
		if float64(common[n-1].count) > selec*sampled+2*math.Sqrt(max(variance, 0))+0.5 {
			break
		}
		n--
		if n > 0 {
			sum -= float64(common[n-1].count)
		}
	}
	return common[:n]
}
