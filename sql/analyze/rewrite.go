package analyze

import (
	"slices"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// rewrite does what PostgreSQL's rewriter does: data modification gets its defaults and is led through views to their tables, views become
// subqueries, SEARCH and CYCLE become columns. q, which nobody else knows yet, is changed in place.
func (a *analyzer) rewrite(q *tree.Query) *tree.Query {
	for _, c := range q.CTEs {
		if c.Query != nil && c.Query.Cmd != tree.CmdSelect {
			c.Query = a.rewriteModify(c.Query)
		}
	}
	q = a.rewriteModify(q)
	a.expandViews(q, nil)
	return q
}

// rewriteModify prepares an INSERT, UPDATE, DELETE or MERGE (RewriteQuery).
func (a *analyzer) rewriteModify(q *tree.Query) *tree.Query {
	var w *viewUpdate
	for depth := 0; ; depth++ {
		switch q.Cmd {
		case tree.CmdInsert, tree.CmdUpdate, tree.CmdDelete, tree.CmdMerge:
		default:
			return q
		}
		s := a.newState(nil)
		s.rtable = q.RTable
		rel := a.cat.Relation(q.RTable[q.ResultRel-1].RelID)
		a.checkTarget(rel, q.Cmd)
		s.fillTargets(q, rel)
		if rel.RelKind != 'v' {
			if q.OnConflict != nil {
				s.inferArbiters(q, rel)
			}
			return q
		}
		if depth > maxViewDepth {
			fail(pgerr.Newf(pgerr.InvalidObjectDefinition, "infinite recursion detected in rules for relation \"%s\"", rel.Name))
		}
		w = s.throughView(q, rel, w)
	}
}

// checkTarget refuses relations that cannot be modified (CheckValidResultRel).
func (a *analyzer) checkTarget(rel *catalog.Relation, _ tree.CmdType) {
	switch rel.RelKind {
	case 'S':
		fail(pgerr.Newf(pgerr.WrongObjectType, "cannot change sequence \"%s\"", rel.Name))
	case 'm':
		fail(pgerr.Newf(pgerr.WrongObjectType, "cannot change materialized view \"%s\"", rel.Name))
	}
	if rel.OID < catalog.FirstNormalOID {
		fail(pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", rel.Name).
			WithHint("The catalogs show what is defined; change it by DDL."))
	}
}

// fillTargets completes the assignments of a data modification: defaults, identity and generated columns, several assignments to parts of one column
// (rewriteTargetListIU).
func (s *state) fillTargets(q *tree.Query, rel *catalog.Relation) {
	switch q.Cmd {
	case tree.CmdInsert:
		values := valuesSource(q)
		f := &targetFiller{s: s, rel: rel, cmd: tree.CmdInsert, override: q.Override, values: values}
		q.Target = f.fill(q.Target)
		if values != nil {
			f.fillValues(q.Target)
		}
		if q.OnConflict != nil && q.OnConflict.Update {
			u := &targetFiller{s: s, rel: rel, cmd: tree.CmdUpdate}
			q.OnConflict.Set = u.fill(q.OnConflict.Set)
		}
	case tree.CmdUpdate:
		f := &targetFiller{s: s, rel: rel, cmd: tree.CmdUpdate}
		q.Target = f.fill(q.Target)
	case tree.CmdMerge:
		for _, m := range q.MergeActions {
			if m.Cmd == tree.CmdInsert || m.Cmd == tree.CmdUpdate {
				f := &targetFiller{s: s, rel: rel, cmd: m.Cmd, override: m.Override}
				m.Target = f.fill(m.Target)
			}
		}
	}
}

// valuesSource is the VALUES list of a multi-row INSERT, nil for any other.
func valuesSource(q *tree.Query) *tree.RTE {
	if len(q.From.List) != 1 {
		return nil
	}
	ref, ok := q.From.List[0].(*tree.RangeRef)
	if !ok || q.RTable[ref.Index-1].Kind != tree.RTEValues {
		return nil
	}
	return q.RTable[ref.Index-1]
}

// targetFiller fills one target list.
type targetFiller struct {
	s        *state
	rel      *catalog.Relation
	cmd      tree.CmdType
	override byte
	values   *tree.RTE
	unused   map[int]bool // columns of the VALUES list whose values are not used
}

func (f *targetFiller) fill(list []tree.TargetEntry) []tree.TargetEntry {
	byAtt := make([]*tree.TargetEntry, len(f.rel.Columns))
	var junk []tree.TargetEntry
	for i := range list {
		te := list[i]
		if te.Junk {
			junk = append(junk, te)
			continue
		}
		byAtt[te.ResNo-1] = f.mergeAssign(te, byAtt[te.ResNo-1])
	}
	var out []tree.TargetEntry
	for i := range f.rel.Columns {
		if col := &f.rel.Columns[i]; !col.Dropped {
			if te := f.column(i+1, col, byAtt[i]); te != nil {
				out = append(out, *te)
			}
		}
	}
	return append(out, junk...)
}

// column decides what is assigned to one column, nil for nothing.
func (f *targetFiller) column(att int, col *catalog.Column, te *tree.TargetEntry) *tree.TargetEntry {
	isDefault := false
	if te != nil {
		_, isDefault = te.Expr.(*tree.SetToDefault)
	}
	apply := te == nil && f.cmd == tree.CmdInsert || isDefault
	if f.cmd == tree.CmdInsert {
		apply = f.insertOverride(col, te, apply)
	} else if te != nil && !apply {
		detail := ""
		switch {
		case col.Identity == 'a':
			detail = "Column \"%s\" is an identity column defined as GENERATED ALWAYS."
		case col.Generated != 0:
			detail = "Column \"%s\" is a generated column."
		}
		if detail != "" {
			fail(pgerr.Newf(pgerr.GeneratedAlways, "column \"%s\" can only be updated to DEFAULT", col.Name).WithDetail(detail, col.Name))
		}
	}
	if col.Generated != 0 {
		return nil // computed when the row is stored
	}
	if !apply {
		return te
	}
	e := f.s.columnDefault(f.rel, att)
	if e == nil {
		if f.cmd == tree.CmdInsert && f.s.typ(col.T.OID).Kind != types.KindDomain {
			return nil
		}
		e = f.s.nullOf(col.T, col.Collation)
	}
	return &tree.TargetEntry{Expr: e, ResNo: att, Name: col.Name}
}

// insertOverride applies the rules of GENERATED columns and OVERRIDING; the result says whether the default is used.
func (f *targetFiller) insertOverride(col *catalog.Column, te *tree.TargetEntry, apply bool) bool {
	values := func() int {
		if f.values == nil || te == nil {
			return 0
		}
		if v, ok := te.Expr.(*tree.Var); ok && f.s.rtable[v.VarNo-1] == f.values {
			return v.AttNo
		}
		return 0
	}
	refuse := func(detail string) *pgerr.Error {
		return pgerr.Newf(pgerr.GeneratedAlways, "cannot insert a non-DEFAULT value into column \"%s\"", col.Name).WithDetail(detail, col.Name)
	}
	discard := func() bool {
		if v := values(); v > 0 {
			if f.unused == nil {
				f.unused = map[int]bool{}
			}
			f.unused[v] = true
		}
		return true
	}
	allDefault := func() bool {
		v := values()
		if v == 0 {
			return false
		}
		for _, row := range f.values.Values {
			if _, ok := row[v-1].(*tree.SetToDefault); !ok {
				return false
			}
		}
		return true
	}
	switch {
	case apply:
	case col.Identity == 'a':
		switch {
		case f.override == 'u':
			return discard()
		case f.override != 's':
			if allDefault() {
				return discard()
			}
			fail(refuse("Column \"%s\" is an identity column defined as GENERATED ALWAYS.").WithHint("Use OVERRIDING SYSTEM VALUE to override."))
		}
	case col.Identity == 'd' && f.override == 'u':
		return discard()
	case col.Generated != 0:
		if allDefault() {
			return discard()
		}
		fail(refuse("Column \"%s\" is a generated column."))
	}
	return apply
}

// fillValues replaces DEFAULT in a VALUES list by what the columns' defaults are (rewriteValuesRTE).
func (f *targetFiller) fillValues(target []tree.TargetEntry) {
	att := map[int]int{}
	for i := range target {
		if v, ok := target[i].Expr.(*tree.Var); ok && f.s.rtable[v.VarNo-1] == f.values {
			att[v.AttNo] = target[i].ResNo
		}
	}
	for _, row := range f.values.Values {
		for i, e := range row {
			d, ok := e.(*tree.SetToDefault)
			if !ok {
				if f.unused[i+1] {
					row[i] = &tree.Const{T: e.Type(), Coll: e.Collation(), Value: types.NullDatum, Loc: -1}
				}
				continue
			}
			var x tree.Expr
			if a := att[i+1]; a > 0 && f.rel.Columns[a-1].Generated == 0 {
				if f.rel.RelKind == 'v' && f.rel.Columns[a-1].Default == nil {
					continue // the table below may have a default
				}
				x = f.s.columnDefault(f.rel, a)
			}
			if x == nil {
				if f.rel.RelKind == 'v' && att[i+1] > 0 {
					continue
				}
				x = f.s.nullOf(d.T, d.Coll)
			}
			row[i] = x
		}
	}
}

// nullOf is a NULL of a type; a domain's constraints are checked for it.
func (s *state) nullOf(t types.T, coll types.OID) tree.Expr {
	base := s.baseTypeMod(t)
	c := &tree.Const{T: base, Coll: coll, Value: types.NullDatum, Loc: -1}
	if base.OID == t.OID {
		return c
	}
	return &tree.CoerceToDomain{Arg: c, T: t, Coll: coll, Form: tree.CoerceImplicitCast, Loc: -1}
}

// columnDefault is the default value of a column: its own, the identity sequence's next value, or that of its domain; nil for none (build_column_default).
func (s *state) columnDefault(rel *catalog.Relation, att int) tree.Expr {
	col := &rel.Columns[att-1]
	if col.Identity != 0 {
		return &tree.NextValueExpr{Seq: col.IdentitySeq, T: types.Of(col.T.OID)}
	}
	var stored []byte
	if col.Default != nil && col.Generated == 0 {
		stored = col.Default
	} else {
		stored = s.typeDefault(col.T.OID)
	}
	if stored == nil {
		return nil
	}
	e, err := tree.Decode(stored)
	if err != nil {
		fail(pgerr.Wrap(err, pgerr.DataCorrupted, "the default of column \"%s\" of relation \"%s\" is unreadable", col.Name, rel.Name))
	}
	out := s.coerceToTarget(e, e.Type().OID, col.T, assignment, tree.CoerceImplicitCast, -1)
	if out == nil {
		fail(pgerr.Newf(pgerr.DatatypeMismatch, "column \"%s\" is of type %s but default expression is of type %s", col.Name,
			s.typeName(col.T.OID), s.typeName(e.Type().OID)).WithHint(rewriteHint))
	}
	if out != e {
		s.assignCollation(out)
	}
	return out
}

// typeDefault is the stored default of a domain, or of the domain it is over.
func (s *state) typeDefault(oid types.OID) []byte {
	for {
		t := s.lookupType(oid)
		if t == nil || t.Kind != types.KindDomain {
			return nil
		}
		if d := s.cat.TypeDesc(oid); d != nil && d.DefaultExpr != nil {
			return d.DefaultExpr
		}
		oid = t.Base
	}
}

// ColumnDefault returns the default expression of a column of a table, nil for none: what COPY FROM uses for columns that are not in the file.
func ColumnDefault(env *Env, rel *catalog.Relation, att int) (e tree.Expr, err error) {
	defer catch(&err)
	s := newAnalyzer(env, nil).newState(nil)
	s.params = newParams(nil, false)
	return s.columnDefault(rel, att), nil
}

// mergeAssign combines an assignment with an earlier one to the same column: allowed for different parts of it (process_matched_tle).
func (f *targetFiller) mergeAssign(te tree.TargetEntry, prior *tree.TargetEntry) *tree.TargetEntry {
	if prior == nil {
		return &te
	}
	unwrap := func(e tree.Expr) (tree.Expr, *tree.CoerceToDomain) {
		if c, ok := e.(*tree.CoerceToDomain); ok {
			return c.Arg, c
		}
		return e, nil
	}
	src, dom := unwrap(te.Expr)
	old, _ := unwrap(prior.Expr)
	bad := func() {
		fail(pgerr.Newf(pgerr.SyntaxError, "multiple assignments to same column \"%s\"", te.Name))
	}
	srcIn, oldIn := assignmentInput(src), assignmentInput(old)
	if srcIn == nil || oldIn == nil || src.Type() != old.Type() {
		bad()
	}
	bottom := oldIn
	for n := assignmentInput(bottom); n != nil; n = assignmentInput(bottom) {
		bottom = n
	}
	if !tree.Equal(bottom, srcIn) {
		bad()
	}
	var out tree.Expr
	switch x := src.(type) {
	case *tree.FieldStore:
		c := *x
		if o, ok := old.(*tree.FieldStore); ok {
			c.Arg = o.Arg
			c.Values = append(slices.Clone(o.Values), x.Values...)
			c.Fields = append(slices.Clone(o.Fields), x.Fields...)
		} else {
			c.Arg = old
		}
		out = &c
	case *tree.SubscriptingRef:
		c := *x
		c.Arg = old
		out = &c
	}
	if dom != nil {
		c := *dom
		c.Arg = out
		out = &c
	}
	return &tree.TargetEntry{Expr: out, ResNo: te.ResNo, Name: te.Name}
}

// assignmentInput is the container that a partial assignment changes, nil for a whole assignment.
func assignmentInput(e tree.Expr) tree.Expr {
	switch x := e.(type) {
	case *tree.FieldStore:
		return x.Arg
	case *tree.SubscriptingRef:
		if x.Assign != nil {
			return x.Arg
		}
	}
	return nil
}

// inferArbiters finds the unique indexes that ON CONFLICT means (infer_arbiter_indexes).
func (s *state) inferArbiters(q *tree.Query, rel *catalog.Relation) {
	oc := q.OnConflict
	if oc.Constraint == 0 && len(oc.Arbiters) == 0 {
		return
	}
	oc.Indexes = nil
	var want []int
	var exprs []tree.Expr
	for _, e := range oc.Arbiters {
		if v, ok := e.(*tree.Var); ok {
			if v.AttNo == 0 {
				fail(pgerr.New(pgerr.FeatureNotSupported, "whole row unique index inference specifications are not supported"))
			}
			want = append(want, v.AttNo)
		} else {
			exprs = append(exprs, e)
		}
	}
	for _, oid := range rel.Indexes {
		ix := s.cat.Relation(oid)
		if ix == nil || ix.Index == nil || !ix.Index.Unique || !ix.Index.Valid {
			continue
		}
		if oc.Constraint != 0 {
			if ix.Index.Constraint == oc.Constraint {
				oc.Indexes = append(oc.Indexes, oid)
			}
			continue
		}
		if s.indexMatches(q.ResultRel, ix.Index, want, exprs, oc.ArbWhere) {
			oc.Indexes = append(oc.Indexes, oid)
		}
	}
	if len(oc.Indexes) == 0 {
		if oc.Constraint != 0 {
			fail(pgerr.New(pgerr.WrongObjectType, "constraint in ON CONFLICT clause has no associated index"))
		}
		fail(pgerr.New(pgerr.InvalidColumnReference, "there is no unique or exclusion constraint matching the ON CONFLICT specification"))
	}
	for _, oid := range oc.Indexes {
		if ix := s.cat.Relation(oid); !ix.Index.Immediate {
			fail(pgerr.New(pgerr.ObjectNotInPrerequisiteState, "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters").
				WithTable(s.schemaName(rel.Schema), rel.Name).WithConstraint(ix.Name))
		}
	}
}

func (s *state) schemaName(oid types.OID) string {
	if sc := s.cat.Schema(oid); sc != nil {
		return sc.Name
	}
	return ""
}

// indexMatches reports whether an index has exactly the inferred columns and expressions, and a predicate that the clause's WHERE implies.
func (s *state) indexMatches(varno int, ix *catalog.Index, want []int, exprs []tree.Expr, where tree.Expr) bool {
	var have []int
	var haveExprs []tree.Expr
	for _, k := range ix.Keys {
		if k.Att != 0 {
			have = append(have, k.Att)
			continue
		}
		haveExprs = append(haveExprs, decodeFor(k.Expr, varno))
	}
	same := func(a, b []int) bool {
		for _, x := range a {
			if !slices.Contains(b, x) {
				return false
			}
		}
		return true
	}
	contains := func(list []tree.Expr, e tree.Expr) bool {
		return slices.ContainsFunc(list, func(x tree.Expr) bool { return tree.Equal(x, e) })
	}
	if !same(have, want) || !same(want, have) {
		return false
	}
	for _, e := range exprs {
		if !contains(haveExprs, e) {
			return false
		}
	}
	for _, e := range haveExprs {
		if !contains(exprs, e) {
			return false
		}
	}
	if ix.Predicate != nil {
		given := conjuncts(where, nil)
		for _, p := range conjuncts(decodeFor(ix.Predicate, varno), nil) {
			if !contains(given, p) {
				return false
			}
		}
	}
	return true
}

// conjuncts takes an AND apart.
func conjuncts(e tree.Expr, out []tree.Expr) []tree.Expr {
	if e == nil {
		return out
	}
	if b, ok := e.(*tree.BoolExpr); ok && b.Op == tree.And {
		for _, a := range b.Args {
			out = conjuncts(a, out)
		}
		return out
	}
	return append(out, e)
}

// decodeFor decodes a stored expression over a table and gives its Vars the table's number in the query.
func decodeFor(stored []byte, varno int) tree.Expr {
	e, err := tree.Decode(stored)
	if err != nil {
		fail(pgerr.Wrap(err, pgerr.DataCorrupted, "stored expression is unreadable"))
	}
	return renumber(e, 1, varno)
}

// renumber changes the range table number of Vars of the expression's own level.
func renumber(e tree.Expr, from, to int) tree.Expr {
	if e == nil || from == to {
		return e
	}
	return tree.MutateDeep(e, 0, func(x tree.Expr, depth int) (tree.Expr, bool) {
		switch v := x.(type) {
		case *tree.Var:
			if v.LevelsUp == depth && v.VarNo == from {
				c := *v
				c.VarNo = to
				return &c, true
			}
		case *tree.CurrentOfExpr:
			if depth == 0 && v.VarNo == from {
				c := *v
				c.VarNo = to
				return &c, true
			}
		}
		return nil, false
	})
}
