package analyze

import (
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

func itoa(n int) string { return strconv.Itoa(n) }

// nsItem is a table that names can refer to (ParseNamespaceItem).
type nsItem struct {
	names       tree.Alias // of the table and its columns; dropped columns are ""
	rte         *tree.RTE
	index       int
	cols        []nsCol
	relVisible  bool
	colsVisible bool
	lateralOnly bool
	lateralOK   bool
}

// nsCol is what a column of an nsItem refers to. varno 0 is a dropped column.
type nsCol struct {
	varno, att int
	t          types.T
	coll       types.OID
	dontExpand bool // left out of *
}

// addRTE appends a range table entry and returns its number.
func (s *state) addRTE(r *tree.RTE) int {
	s.rtable = append(s.rtable, r)
	return len(s.rtable)
}

// newNSItem makes the namespace item of a range table entry with the entry's ColTypes.
func (s *state) newNSItem(r *tree.RTE, index int) *nsItem {
	ns := &nsItem{names: r.Eref, rte: r, index: index, relVisible: true, colsVisible: true, lateralOK: true}
	ns.cols = make([]nsCol, len(r.ColTypes))
	for i, t := range r.ColTypes {
		if t.OID != 0 {
			ns.cols[i] = nsCol{varno: index, att: i + 1, t: t, coll: r.ColColls[i]}
		}
	}
	return ns
}

// addToNamespace makes a table known to names, and puts it in the join tree when asked.
func (s *state) addToNamespace(ns *nsItem, relVisible, colsVisible bool) {
	ns.relVisible, ns.colsVisible = relVisible, colsVisible
	ns.lateralOnly, ns.lateralOK = false, true
	s.namespace = append(s.namespace, ns)
}

// Bits of RTE.ReqPerms: PostgreSQL's AclMode.
const (
	aclInsert = 1 << 0
	aclSelect = 1 << 1
	aclUpdate = 1 << 2
	aclDelete = 1 << 3
)

// Table lock modes as pg_locks orders them.
const (
	lockAccessShare  = 1
	lockRowShare     = 2
	lockRowExclusive = 3
)

// addRelation adds a relation to the range table (addRangeTableEntryForRelation).
func (s *state) addRelation(rel *catalog.Relation, lockMode int, alias *tree.Alias, inh, inFrom bool) *nsItem {
	r := &tree.RTE{Kind: tree.RTERelation, RelID: rel.OID, RelKind: rel.RelKind, LockMode: lockMode, Inh: inh, Alias: alias, InFrom: inFrom, ReqPerms: aclSelect}
	r.Eref.Name = rel.Name
	if alias != nil {
		r.Eref.Name = alias.Name
	}
	for i := range rel.Columns {
		c := &rel.Columns[i]
		if c.Dropped {
			r.ColTypes, r.ColColls = append(r.ColTypes, types.T{}), append(r.ColColls, 0)
			continue
		}
		r.ColTypes, r.ColColls = append(r.ColTypes, c.T), append(r.ColColls, c.Collation)
	}
	names := make([]string, len(rel.Columns))
	for i := range rel.Columns {
		if !rel.Columns[i].Dropped {
			names[i] = rel.Columns[i].Name
		}
	}
	r.Eref.Cols = s.applyAliases(r.Eref.Name, names, alias, func(i int) bool { return rel.Columns[i].Dropped })
	return s.newNSItem(r, s.addRTE(r))
}

// applyAliases renames columns by an alias's column list (buildRelationAliases).
func (s *state) applyAliases(name string, cols []string, alias *tree.Alias, dropped func(i int) bool) []string {
	if alias == nil || len(alias.Cols) == 0 {
		return cols
	}
	out := make([]string, len(cols))
	next, available := 0, 0
	for i, c := range cols {
		switch {
		case dropped != nil && dropped(i):
			continue
		case next < len(alias.Cols):
			out[i] = alias.Cols[next]
			next++
		default:
			out[i] = c
		}
		available++
	}
	if next < len(alias.Cols) {
		fail(pgerr.Newf(pgerr.InvalidColumnReference, "table \"%s\" has %d columns available but %d columns specified", name, available, len(alias.Cols)))
	}
	return out
}

// targetColumns are the names and types of a query's visible output.
func targetColumns(target []tree.TargetEntry) (names []string, ts []types.T, colls []types.OID) {
	for i := range target {
		if te := &target[i]; !te.Junk {
			names, ts, colls = append(names, te.Name), append(ts, te.Expr.Type()), append(colls, te.Expr.Collation())
		}
	}
	return names, ts, colls
}

// output is the list that a query's rows are made of: the target list of SELECT, RETURNING of the others.
func output(q *tree.Query) []tree.TargetEntry {
	if q.Cmd == tree.CmdSelect {
		return q.Target
	}
	return q.Returning
}

// addSubquery adds a subquery in FROM (addRangeTableEntryForSubquery).
func (s *state) addSubquery(q *tree.Query, alias *tree.Alias, lateral, inFrom bool) *nsItem {
	r := &tree.RTE{Kind: tree.RTESubquery, Subquery: q, Alias: alias, Lateral: lateral, InFrom: inFrom}
	names, ts, colls := targetColumns(q.Target)
	r.ColTypes, r.ColColls = ts, colls
	r.Eref.Name = "unnamed_subquery"
	if alias != nil {
		r.Eref.Name = alias.Name
	}
	if alias != nil && len(alias.Cols) > len(names) {
		fail(pgerr.Newf(pgerr.InvalidColumnReference, "table \"%s\" has %d columns available but %d columns specified", r.Eref.Name, len(names), len(alias.Cols)))
	}
	r.Eref.Cols = s.applyAliases(r.Eref.Name, names, alias, nil)
	return s.newNSItem(r, s.addRTE(r))
}

// addValues adds a VALUES list (addRangeTableEntryForValues).
func (s *state) addValues(rows [][]tree.Expr, ts []types.T, colls []types.OID, alias *tree.Alias, lateral, inFrom bool) *nsItem {
	r := &tree.RTE{Kind: tree.RTEValues, Values: rows, ColTypes: ts, ColColls: colls, Alias: alias, Lateral: lateral, InFrom: inFrom}
	r.Eref.Name = "*VALUES*"
	if alias != nil {
		r.Eref.Name = alias.Name
	}
	names := make([]string, len(ts))
	for i := range names {
		names[i] = "column" + itoa(i+1)
	}
	if alias != nil && len(alias.Cols) > len(names) {
		fail(pgerr.Newf(pgerr.InvalidColumnReference, "VALUES lists \"%s\" have %d columns available but %d columns specified", r.Eref.Name, len(names), len(alias.Cols)))
	}
	r.Eref.Cols = s.applyAliases(r.Eref.Name, names, alias, nil)
	return s.newNSItem(r, s.addRTE(r))
}

// makeAlias turns an alias of the grammar into the tree's, nil for none.
func makeAlias(a *pg.Alias) *tree.Alias {
	if a == nil {
		return nil
	}
	return &tree.Alias{Name: a.Aliasname, Cols: strs(a.Colnames)}
}

// columnName is the name of a range table entry's column (get_rte_attribute_name).
func (s *state) columnName(r *tree.RTE, att int) string {
	switch {
	case att == 0:
		return "*"
	case att < 0:
		return systemColumnName(att)
	case r.Alias != nil && att <= len(r.Alias.Cols):
		return r.Alias.Cols[att-1]
	case r.Kind == tree.RTERelation:
		if rel := s.cat.Relation(r.RelID); rel != nil && att <= len(rel.Columns) {
			return rel.Columns[att-1].Name
		}
	}
	if att <= len(r.Eref.Cols) {
		return r.Eref.Cols[att-1]
	}
	return "?column?"
}

// systemColumn is a system column.
type systemColumn struct {
	name string
	att  int
	t    types.OID
}

var systemColumns = []systemColumn{
	{"ctid", tree.CtidAtt, types.OIDTid}, {"xmin", tree.XminAtt, types.OIDXid}, {"cmin", tree.CminAtt, types.OIDCid},
	{"xmax", tree.XmaxAtt, types.OIDXid}, {"cmax", tree.CmaxAtt, types.OIDCid}, {"tableoid", tree.TableOidAtt, types.OIDOid},
}

func systemColumnName(att int) string {
	for _, c := range systemColumns {
		if c.att == att {
			return c.name
		}
	}
	return ""
}

// findColumn finds a column by name: its attribute number, 0 when there is none (scanRTEForColumn).
func (s *state) findColumn(r *tree.RTE, cols []string, name string, loc int32, fuzzy func(att int, col string)) int {
	found := 0
	for i, c := range cols {
		if c == name && name != "" {
			if found != 0 {
				failf(loc, pgerr.AmbiguousColumn, "column reference \"%s\" is ambiguous", name)
			}
			found = i + 1
		}
		if fuzzy != nil {
			fuzzy(i+1, c)
		}
	}
	if found != 0 {
		return found
	}
	if r.Kind == tree.RTERelation && hasSystemColumns(r.RelKind) {
		for _, c := range systemColumns {
			if c.name == name {
				return c.att
			}
		}
	}
	return 0
}

func hasSystemColumns(relkind byte) bool { return relkind != 'v' && relkind != 'c' }

// scanNSItem makes a Var for a column of the item, nil when it has no such column (scanNSItemForColumn). With missingOK false a dropped column is an error.
func (s *state) scanNSItem(ns *nsItem, levels int, name string, loc int32, _ bool) tree.Expr {
	att := s.findColumn(ns.rte, ns.names.Cols, name, loc, nil)
	if att == 0 {
		return nil
	}
	return s.nsVar(ns, levels, att, name, loc)
}

// nsVar makes a Var for a column by its number in the item.
func (s *state) nsVar(ns *nsItem, levels, att int, name string, loc int32) tree.Expr {
	if att < 0 {
		if att != tree.TableOidAtt {
			switch s.kind {
			case kindCheck:
				failf(loc, pgerr.InvalidColumnReference, "system column \"%s\" reference in check constraint is invalid", name)
			case kindMergeWhen:
				failf(loc, pgerr.InvalidColumnReference, "cannot use system column \"%s\" in MERGE WHEN condition", name)
			}
			if s.kind == kindGenerated {
				failf(loc, pgerr.InvalidColumnReference, "cannot use system column \"%s\" in column generation expression", name)
			}
		}
		t := types.OID(0)
		for _, c := range systemColumns {
			if c.att == att {
				t = c.t
			}
		}
		s.markSelected(ns.index, att, levels)
		return &tree.Var{VarNo: ns.index, AttNo: att, LevelsUp: levels, T: types.Of(t), Loc: loc}
	}
	c := ns.cols[att-1]
	if c.varno == 0 {
		failf(-1, pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, ns.names.Name)
	}
	s.markSelected(c.varno, c.att, levels)
	return &tree.Var{VarNo: c.varno, AttNo: c.att, LevelsUp: levels, T: c.t, Coll: c.coll, Loc: loc}
}

// markSelected notes that a column is read, for the permission check (markVarForSelectPriv).
func (s *state) markSelected(varno, att, levels int) { s.up(levels).markRead(varno, att) }

func (s *state) markRead(varno, att int) {
	if varno < 1 || varno > len(s.rtable) {
		return
	}
	r := s.rtable[varno-1]
	switch r.Kind {
	case tree.RTERelation:
		r.ReqPerms |= aclSelect
		if r.SelCols == nil {
			r.SelCols = map[int]bool{}
		}
		r.SelCols[att] = true
	case tree.RTEJoin:
		if att == 0 {
			for _, e := range r.JoinAlias {
				s.markReadExpr(e)
			}
		} else if att > 0 && att <= len(r.JoinAlias) {
			s.markReadExpr(r.JoinAlias[att-1])
		}
	}
}

func (s *state) markReadExpr(e tree.Expr) {
	tree.Walk(e, func(x tree.Expr) bool {
		if v, ok := x.(*tree.Var); ok && v.LevelsUp == 0 {
			s.markRead(v.VarNo, v.AttNo)
		}
		return true
	})
}

// columnVar resolves an unqualified column name, nil when there is none (colNameToVar).
func (s *state) columnVar(name string, localOnly bool, loc int32) tree.Expr {
	levels := 0
	for st := s; st != nil; st = st.parent {
		var found tree.Expr
		for _, ns := range st.namespace {
			if !ns.colsVisible || ns.lateralOnly && !st.lateral {
				continue
			}
			e := s.scanNSItem(ns, levels, name, loc, false)
			if e == nil {
				continue
			}
			if found != nil {
				failf(loc, pgerr.AmbiguousColumn, "column reference \"%s\" is ambiguous", name)
			}
			st.checkLateral(ns, loc)
			found = e
		}
		if found != nil || localOnly {
			return found
		}
		levels++
	}
	return nil
}

// checkLateral fails when a lateral reference is not possible because of the kind of join (check_lateral_ref_ok).
func (s *state) checkLateral(ns *nsItem, loc int32) {
	if !ns.lateralOnly || ns.lateralOK {
		return
	}
	name := ns.names.Name
	err := pgerr.Newf(pgerr.InvalidColumnReference, "invalid reference to FROM-clause entry for table \"%s\"", name).At(int(loc))
	if s.targetNS != nil && ns.rte == s.targetNS.rte {
		err.WithHint("There is an entry for table \"%s\", but it cannot be referenced from this part of the query.", name)
	} else {
		err.WithDetail("The combining JOIN type must be INNER or LEFT for a LATERAL reference.")
	}
	fail(err)
}

// findNSItem finds a table by name, nil when there is none (refnameNamespaceItem).
func (s *state) findNSItem(schema, name string, loc int32) (*nsItem, int) {
	relid := types.OID(0)
	if schema != "" {
		ns := s.schemaOID(schema, true, loc)
		if ns == 0 {
			return nil, 0
		}
		rel := s.cat.RelationByName(ns, name)
		if rel == nil {
			return nil, 0
		}
		relid = rel.OID
	}
	levels := 0
	for st := s; st != nil; st = st.parent {
		var found *nsItem
		for _, ns := range st.namespace {
			if !ns.relVisible || ns.lateralOnly && !st.lateral {
				continue
			}
			if relid != 0 {
				if ns.rte.Kind != tree.RTERelation || ns.rte.RelID != relid || ns.rte.Alias != nil {
					continue
				}
			} else if ns.names.Name != name {
				continue
			}
			if found != nil {
				if relid != 0 {
					failf(loc, pgerr.AmbiguousAlias, "table reference %d is ambiguous", relid)
				}
				failf(loc, pgerr.AmbiguousAlias, "table reference \"%s\" is ambiguous", name)
			}
			st.checkLateral(ns, loc)
			found = ns
		}
		if found != nil {
			return found, levels
		}
		levels++
	}
	return nil, 0
}

// nsItemOf finds the namespace item of a range table entry, visible or not.
func (s *state) nsItemOf(varno, levels int) *nsItem {
	st := s.up(levels)
	if st == nil {
		return nil
	}
	for _, ns := range st.namespace {
		if ns.index == varno {
			return ns
		}
	}
	return nil
}

// missingTable fails for a table name that nothing in scope has (errorMissingRTE).
func (s *state) missingTable(schema, name string, loc int32) {
	r := s.searchTable(schema, name)
	if r == nil {
		failf(loc, pgerr.UndefinedTable, "missing FROM-clause entry for table \"%s\"", name)
	}
	err := pgerr.Newf(pgerr.UndefinedTable, "invalid reference to FROM-clause entry for table \"%s\"", name).At(int(loc))
	if r.Alias != nil && r.Eref.Name != name {
		if ns, _ := s.findNSItem("", r.Eref.Name, loc); ns != nil && ns.rte == r {
			fail(err.WithHint("Perhaps you meant to reference the table alias \"%s\".", r.Eref.Name))
		}
	}
	fail(err.WithHint("There is an entry for table \"%s\", but it cannot be referenced from this part of the query.", r.Eref.Name))
}

// searchTable looks for a table of the name in all range tables, whether visible or not (searchRangeTableForRel).
func (s *state) searchTable(schema, name string) *tree.RTE {
	var c *cte
	cteLevels := 0
	relid := types.OID(0)
	if schema == "" {
		c, cteLevels = s.findCTE(name)
	}
	if c == nil {
		if rel := s.findRelation(schema, name); rel != nil {
			relid = rel.OID
		}
	}
	levels := 0
	for st := s; st != nil; st = st.parent {
		for _, r := range st.rtable {
			switch {
			case r.Kind == tree.RTERelation && relid != 0 && r.RelID == relid:
				return r
			case r.Kind == tree.RTECTE && c != nil && r.CTELevels+levels == cteLevels && r.CTEName == name:
				return r
			case r.Eref.Name == name:
				return r
			}
		}
		levels++
	}
	return nil
}

// missingColumn fails for a column name that nothing in scope has, offering similar ones (errorMissingColumn).
func (s *state) missingColumn(rel, name string, loc int32) {
	m := &columnSearch{want: name, distance: maxHintDistance + 1}
	m.search(s, rel, loc)
	err := pgerr.Newf(pgerr.UndefinedColumn, "column \"%s\" does not exist", name)
	if rel != "" {
		err = pgerr.Newf(pgerr.UndefinedColumn, "column %s.%s does not exist", rel, name)
	}
	switch {
	case m.second != nil:
		err.WithHint("Perhaps you meant to reference the column \"%s.%s\" or the column \"%s.%s\".", m.first.Eref.Name, m.firstCol, m.second.Eref.Name, m.secondCol)
	case m.first != nil && m.firstCol != "":
		err.WithHint("Perhaps you meant to reference the column \"%s.%s\".", m.first.Eref.Name, m.firstCol)
	case m.first != nil:
		err.WithHint("There is a column named \"%s\" in table \"%s\", but it cannot be referenced from this part of the query.", name, m.first.Eref.Name)
	}
	fail(err.At(int(loc)))
}

// columnSearch is the state of the search for similar names (FuzzyAttrMatchState).
type columnSearch struct {
	want                string
	distance            int
	first, second       *tree.RTE
	firstCol, secondCol string // firstCol is "" for an exact match that is out of reach
}

func (m *columnSearch) search(s *state, rel string, loc int32) {
	for st := s; st != nil; st = st.parent {
		for _, r := range st.rtable {
			if r.Kind == tree.RTEJoin {
				continue
			}
			penalty := 0
			if rel != "" {
				penalty = levenshtein(rel, r.Eref.Name)
			}
			att := s.findColumn(r, r.Eref.Cols, m.want, loc, func(_ int, col string) { m.see(r, col, penalty) })
			if att != 0 && penalty == 0 {
				m.first, m.firstCol, m.second, m.secondCol = r, "", nil, ""
				return
			}
		}
	}
}

// see considers one column.
func (m *columnSearch) see(r *tree.RTE, col string, penalty int) {
	if penalty > m.distance || col == "" {
		return
	}
	d := levenshtein(col, m.want)
	if d > len(m.want)/2 {
		return
	}
	d += penalty
	switch {
	case d < m.distance:
		m.distance, m.first, m.firstCol, m.second, m.secondCol = d, r, col, nil, ""
	case d == m.distance:
		switch {
		case m.second != nil: // too many alike to be of use
			m.first, m.firstCol, m.second, m.secondCol = nil, "", nil, ""
			m.distance = d - 1
		case m.first != nil:
			m.second, m.secondCol = r, col
		case m.distance <= maxHintDistance:
			m.first, m.firstCol = r, col
		}
	}
}

// levenshtein is the edit distance of two strings.
func levenshtein(a, b string) int {
	x, y := []rune(a), []rune(b)
	prev := make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range x {
		diag := prev[0]
		prev[0] = i + 1
		for j := range y {
			cost := diag
			if x[i] != y[j] {
				cost++
			}
			diag = prev[j+1]
			prev[j+1] = min(prev[j+1]+1, prev[j]+1, cost)
		}
	}
	return prev[len(y)]
}

// wholeRow makes a whole-row reference (transformWholeRowRef). The alias of a JOIN ... USING stands for a row of its columns only.
func (s *state) wholeRow(ns *nsItem, levels int, loc int32) tree.Expr {
	if ns.rte.Kind == tree.RTEJoin && len(ns.names.Cols) != len(ns.rte.Eref.Cols) {
		row := &tree.RowExpr{T: types.Of(types.OIDRecord), Names: ns.names.Cols, Form: tree.CoerceImplicitCast, Loc: loc}
		for i, c := range ns.cols {
			row.Args = append(row.Args, s.nsVar(ns, levels, i+1, ns.names.Cols[i], loc))
			_ = c
		}
		return row
	}
	t := s.wholeRowType(ns.rte)
	s.markSelected(ns.index, 0, levels)
	if ns.rte.Kind == tree.RTEFunction && t.OID != types.OIDRecord && !s.isComplex(t.OID) {
		// A scalar function's row is its value.
		return &tree.Var{VarNo: ns.index, AttNo: 1, LevelsUp: levels, T: t, Coll: s.typeCollation(t.OID), Loc: loc}
	}
	return &tree.Var{VarNo: ns.index, AttNo: 0, LevelsUp: levels, T: t, Loc: loc}
}

// wholeRowType is the type of a whole-row reference (makeWholeRowVar).
func (s *state) wholeRowType(r *tree.RTE) types.T {
	switch r.Kind {
	case tree.RTERelation:
		if rel := s.cat.Relation(r.RelID); rel != nil && rel.RowType != 0 {
			return types.Of(rel.RowType)
		}
	case tree.RTEFunction:
		if len(r.Funcs) == 1 && !r.Ordinality {
			t := r.Funcs[0].Expr.Type()
			if s.isComplex(t.OID) {
				return types.Of(t.OID)
			}
			if t.OID != types.OIDRecord {
				return t
			}
		}
	case tree.RTESubquery:
		if r.IsView && r.RelID != 0 {
			if rel := s.cat.Relation(r.RelID); rel != nil && rel.RowType != 0 {
				return types.Of(rel.RowType)
			}
		}
	}
	return types.Of(types.OIDRecord)
}

// expandWholeRow makes a Var for each column of a whole-row reference.
func (s *state) expandWholeRow(v *tree.Var) []tree.Expr {
	r := s.up(v.LevelsUp).rtable[v.VarNo-1]
	var out []tree.Expr
	if r.Kind == tree.RTEJoin {
		if ns := s.nsItemOf(v.VarNo, v.LevelsUp); ns != nil {
			for i := range ns.cols {
				out = append(out, s.nsVar(ns, v.LevelsUp, i+1, ns.names.Cols[i], v.Loc))
			}
			return out
		}
	}
	for i, t := range r.ColTypes {
		if t.OID == 0 {
			continue
		}
		s.markSelected(v.VarNo, i+1, v.LevelsUp)
		out = append(out, &tree.Var{VarNo: v.VarNo, AttNo: i + 1, LevelsUp: v.LevelsUp, T: t, Coll: r.ColColls[i], Loc: v.Loc})
	}
	return out
}

// recordVarFields finds out the columns of a column of type record by following it to where it is made (expandRecordVariable). extra is the number of levels
// that the Var's query is outside of s.
func (s *state) recordVarFields(v *tree.Var, extra int) []rowField {
	st := s.up(v.LevelsUp + extra)
	r := st.rtable[v.VarNo-1]
	if v.AttNo == 0 {
		out := make([]rowField, len(r.ColTypes))
		for i, t := range r.ColTypes {
			out[i] = rowField{Name: r.Eref.Cols[i], T: t, Coll: r.ColColls[i], Dropped: t.OID == 0}
		}
		return out
	}
	var e tree.Expr = v
	switch r.Kind {
	case tree.RTESubquery:
		if te := targetByResNo(r.Subquery.Target, v.AttNo); te != nil {
			return s.innerRecordFields(st, r.Subquery, te.Expr)
		}
	case tree.RTEJoin:
		if v.AttNo <= len(r.JoinAlias) {
			e = r.JoinAlias[v.AttNo-1]
			if w, ok := e.(*tree.Var); ok {
				return st.recordVarFields(w, 0)
			}
		}
	case tree.RTECTE:
		if c := st.up(r.CTELevels).cteNamed(r.CTEName); c != nil && c.query != nil && !r.SelfRef {
			if te := targetByResNo(output(c.query), v.AttNo); te != nil {
				return s.innerRecordFields(st.up(r.CTELevels), c.query, te.Expr)
			}
		}
	case tree.RTEValues:
		if len(r.Values) > 0 && v.AttNo <= len(r.Values[0]) {
			return s.recordFields(r.Values[0][v.AttNo-1])
		}
	}
	if w, ok := e.(*tree.Var); ok && w == v {
		return s.rowFields(v.T.OID)
	}
	return s.recordFields(e)
}

// innerRecordFields is recordFields for an expression of a finished subquery whose parent is st.
func (s *state) innerRecordFields(st *state, q *tree.Query, e tree.Expr) []rowField {
	sub := st.child()
	sub.rtable = q.RTable
	for _, c := range q.CTEs {
		sub.ctes = append(sub.ctes, &cte{CTE: c, query: c.Query})
	}
	return sub.recordFields(e)
}

func targetByResNo(list []tree.TargetEntry, no int) *tree.TargetEntry {
	for i := range list {
		if list[i].ResNo == no {
			return &list[i]
		}
	}
	return nil
}

func targetBySortRef(list []tree.TargetEntry, ref int) *tree.TargetEntry {
	for i := range list {
		if list[i].SortRef == ref {
			return &list[i]
		}
	}
	fail(pgerr.Internal("ORDER/GROUP BY expression not found in targetlist"))
	return nil
}
