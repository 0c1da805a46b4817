package deparse

import (
	"strconv"

	"kimberlite/sql/catalog"
	"kimberlite/sql/tree"
)

// namespace has the names of one query level's range table.
type namespace struct {
	query *tree.Query
	names []string   // by range table index - 1; empty for an unnamed join
	cols  [][]string // column names in force; a dropped column has an empty one
	alias []bool     // column aliases must be printed
	// hidden maps a range table index to the named join that hides it: its columns can only be named through the join.
	hidden map[int]int
}

// hide notes which entries the named joins of a join tree hide; join is the one that hides n already, 0 for none.
func (ns *namespace) hide(n tree.JoinNode, join int) {
	switch n := n.(type) {
	case *tree.RangeRef:
		if join != 0 {
			ns.hidden[n.Index] = join
		}
	case *tree.JoinExpr:
		if join != 0 && n.Index != 0 {
			ns.hidden[n.Index] = join
		}
		if join == 0 && n.Alias != nil {
			join = n.Index
		}
		ns.hide(n.Left, join)
		ns.hide(n.Right, join)
	case *tree.FromExpr:
		for _, x := range n.List {
			ns.hide(x, join)
		}
	}
}

// through finds the column of the join that stands for a hidden entry's column.
func (ns *namespace) through(join int, v *tree.Var) int {
	for i, e := range ns.query.RTable[join-1].JoinAlias {
		if x, ok := e.(*tree.Var); ok && x.VarNo == v.VarNo && x.AttNo == v.AttNo {
			return i + 1
		}
	}
	return 0
}

// space returns the namespace a number of query levels out.
func (p *Printer) space(levelsUp int) *namespace {
	if levelsUp < 0 || levelsUp >= len(p.spaces) {
		return nil
	}
	return p.spaces[levelsUp]
}

// pushRelation makes a relation the only entry of the innermost namespace: for expressions over its columns.
func (p *Printer) pushRelation(r *catalog.Relation) {
	cols := make([]string, len(r.Columns))
	for i := range r.Columns {
		cols[i] = r.Columns[i].Name
	}
	q := &tree.Query{RTable: []*tree.RTE{{Kind: tree.RTERelation, RelID: r.OID, RelKind: r.RelKind, Eref: tree.Alias{Name: r.Name, Cols: cols}}}}
	p.spaces = append([]*namespace{{query: q, names: []string{r.Name}, cols: [][]string{cols}, alias: []bool{false}}}, p.spaces...)
}

// push names the range table of a query: unique names among this and the outer levels (reserved ones are taken too), columns unique in their entry.
func (p *Printer) push(q *tree.Query, reserved ...string) {
	ns := &namespace{query: q, hidden: map[int]int{}}
	if q.From != nil {
		ns.hide(q.From, 0)
	}
	taken := map[string]bool{}
	for _, s := range p.spaces {
		for _, n := range s.names {
			taken[n] = true
		}
	}
	for _, n := range reserved {
		taken[n] = true
	}
	for _, r := range q.RTable {
		name := p.entryName(r)
		if name != "" && taken[name] {
			base := name
			for i := 1; taken[name]; i++ {
				suffix := "_" + strconv.Itoa(i)
				name = truncate(base, 63-len(suffix)) + suffix
			}
		}
		if name != "" {
			taken[name] = true
		}
		ns.names = append(ns.names, name)
	}
	for i, r := range q.RTable {
		cols, alias := p.entryColumns(ns, i, r)
		ns.cols, ns.alias = append(ns.cols, cols), append(ns.alias, alias)
	}
	p.spaces = append([]*namespace{ns}, p.spaces...)
}

func (p *Printer) pop() { p.spaces = p.spaces[1:] }

func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// entryName is the name that a range table entry wants: its alias, the relation's present name, or what the analyzer called it.
func (p *Printer) entryName(r *tree.RTE) string {
	switch {
	case r.Alias != nil:
		return r.Alias.Name
	case r.Kind == tree.RTERelation || r.IsView:
		if rel := p.Catalog.Relation(r.RelID); rel != nil {
			return rel.Name
		}
	case r.Kind == tree.RTEJoin:
		return ""
	}
	return r.Eref.Name
}

// entryColumns names the columns of an entry and says whether they must be printed as aliases.
func (p *Printer) entryColumns(ns *namespace, i int, r *tree.RTE) (cols []string, alias bool) {
	real := r.Eref.Cols
	if r.Kind == tree.RTERelation || r.IsView {
		if rel := p.Catalog.Relation(r.RelID); rel != nil {
			real = make([]string, len(rel.Columns))
			for j := range rel.Columns {
				if !rel.Columns[j].Dropped {
					real[j] = rel.Columns[j].Name
				}
			}
		}
	}
	if r.Kind == tree.RTEJoin {
		return p.joinColumns(ns, r)
	}
	changed := false
	cols = make([]string, len(real))
	used := map[string]bool{}
	for j, name := range real {
		if name == "" {
			continue
		}
		want := name
		if r.Alias != nil && j < len(r.Alias.Cols) {
			want = r.Alias.Cols[j]
		}
		want = unique(want, used)
		used[want] = true
		cols[j] = want
		changed = changed || want != name
	}
	switch {
	case r.Kind == tree.RTERelation || r.IsView:
		return cols, changed
	case r.Kind == tree.RTEFunction:
		return cols, true
	case r.Kind == tree.RTETableFunc:
		return cols, false
	}
	return cols, changed || r.Alias != nil && len(r.Alias.Cols) > 0
}

// joinColumns names a join's columns after those of its inputs, which come earlier in the range table.
func (p *Printer) joinColumns(ns *namespace, r *tree.RTE) (cols []string, alias bool) {
	used := map[string]bool{}
	cols = make([]string, len(r.Eref.Cols))
	for j, name := range r.Eref.Cols {
		real := name
		if j < len(r.JoinAlias) {
			if v, ok := r.JoinAlias[j].(*tree.Var); ok && v.VarNo >= 1 && v.VarNo <= len(ns.cols) && v.AttNo >= 1 && v.AttNo <= len(ns.cols[v.VarNo-1]) {
				real = ns.cols[v.VarNo-1][v.AttNo-1]
			}
		}
		want := real
		if r.Alias != nil && j < len(r.Alias.Cols) {
			want = r.Alias.Cols[j]
		}
		if r.Alias != nil {
			want = unique(want, used)
		}
		used[want] = true
		cols[j] = want
		alias = alias || r.Alias != nil && want != real
	}
	return cols, alias
}

// unique adds _1, _2 ... to a name until it is not used.
func unique(name string, used map[string]bool) string {
	if !used[name] {
		return name
	}
	for i := 1; ; i++ {
		suffix := "_" + strconv.Itoa(i)
		if n := truncate(name, 63-len(suffix)) + suffix; !used[n] {
			return n
		}
	}
}

// variable prints a column reference and returns the column's name (empty for a whole row). topLevel: in a select list or row constructor, where a whole row
// printed as t.* would expand.
func (p *Printer) variable(v *tree.Var, levelsUp int, topLevel bool) string {
	if p.Var != nil && p.Var(p, v, topLevel) {
		return ""
	}
	up := v.LevelsUp + levelsUp
	ns := p.space(up)
	if ns == nil || v.VarNo < 1 || v.VarNo > len(ns.names) {
		p.Write("?column?")
		return "?column?"
	}
	varNo, attNo := v.VarNo, v.AttNo
	if join := ns.hidden[varNo]; join != 0 {
		if att := ns.through(join, v); att != 0 {
			varNo, attNo = join, att
		}
	}
	rte, name := ns.query.RTable[varNo-1], ns.names[varNo-1]
	if rte.Kind == tree.RTEJoin && rte.Alias == nil && attNo > 0 && attNo <= len(rte.JoinAlias) {
		// A column of an unnamed join is printed as the input's column that it stands for.
		if in, ok := rte.JoinAlias[attNo-1].(*tree.Var); ok {
			return p.variable(in, up, topLevel)
		}
	}
	att := ""
	cols := ns.cols[varNo-1]
	switch {
	case attNo > 0 && attNo <= len(cols) && cols[attNo-1] != "":
		att = cols[attNo-1]
	case attNo > 0:
		att = "?dropped?column?"
	case attNo < 0:
		att = systemColumn(attNo)
	}
	if name != "" && (p.prefix || att == "") {
		p.Ident(name)
		p.writeByte('.')
	}
	if att != "" {
		p.Ident(att)
		return att
	}
	p.writeByte('*')
	if topLevel {
		p.Write("::" + p.typeName(v.T))
	}
	return ""
}

func systemColumn(att int) string {
	switch att {
	case tree.CtidAtt:
		return "ctid"
	case tree.XminAtt:
		return "xmin"
	case tree.CminAtt:
		return "cmin"
	case tree.XmaxAtt:
		return "xmax"
	case tree.CmaxAtt:
		return "cmax"
	}
	return "tableoid"
}
