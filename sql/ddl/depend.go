package ddl

import (
	"slices"
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// address names an object as pg_depend does.
type address struct {
	class, oid types.OID
	sub        int
}

// target is an object to be dropped, with how it was reached.
type target struct {
	address
	how    byte // 'o' an object asked for, otherwise the dependency type
	parent address
}

// deletion is the closure of what a DROP removes, in the order found.
type deletion struct {
	r       *runner
	targets []target
	index   map[address]int
	asked   map[address]bool
}

// removeObjects drops objects with all that must go with them. cascade lets normal dependents go too; otherwise they are reported and refused. quiet leaves the
// notices out.
func (r *runner) removeObjects(asked []address, cascade, quiet bool) {
	d := &deletion{r: r, index: map[address]int{}, asked: map[address]bool{}}
	for _, a := range asked {
		d.asked[a] = true
	}
	for _, a := range asked {
		d.checkInternal(a)
		d.add(a, 'o', address{})
	}
	d.report(asked, cascade, quiet)
	r.removeAll(d.targets)
}

// checkInternal refuses to drop a part of another object on its own.
func (d *deletion) checkInternal(a address) {
	r := d.r
	refuse := func(b address) {
		if !d.asked[b] {
			fail(pgerr.Newf(pgerr.DependentObjectsStillExist, "cannot drop %s because %s requires it", r.describe(a), r.describe(b)).
				WithHint("You can drop %s instead.", r.describe(b)))
		}
	}
	switch a.class {
	case catalog.ClassRelation:
		rel := r.Overlay.Relation(a.oid)
		if rel == nil || a.sub != 0 {
			return
		}
		if rel.Index != nil && rel.Index.Constraint != 0 {
			refuse(address{catalog.ClassConstraint, rel.Index.Constraint, 0})
		}
		if rel.Sequence != nil && rel.Sequence.Identity && rel.Sequence.OwnedBy != 0 {
			refuse(address{catalog.ClassRelation, rel.Sequence.OwnedBy, rel.Sequence.OwnedCol})
		}
	case catalog.ClassType:
		t := r.Overlay.TypeByOID(a.oid)
		if t == nil {
			return
		}
		if t.Kind == types.KindComposite && t.Relid != 0 {
			if rel := r.Overlay.Relation(t.Relid); rel != nil && rel.RelKind != 'c' {
				refuse(address{catalog.ClassRelation, t.Relid, 0})
			}
		}
		if t.IsArray() {
			refuse(address{catalog.ClassType, t.Elem, 0})
		}
	}
}

// add puts an object into the closure and goes on with its dependents: what goes along silently before what is reported.
func (d *deletion) add(a address, how byte, parent address) {
	if i, ok := d.index[a]; ok {
		if how != catalog.DepNormal && d.targets[i].how == catalog.DepNormal {
			d.targets[i].how = how
		}
		return
	}
	if _, whole := d.index[address{a.class, a.oid, 0}]; a.sub != 0 && whole {
		return
	}
	d.index[a] = len(d.targets)
	d.targets = append(d.targets, target{a, how, parent})
	r := d.r
	var edges []catalog.Edge
	r.Overlay.EachDependent(a.class, a.oid, a.sub, func(e catalog.Edge) { edges = append(edges, e) })
	slices.SortStableFunc(edges, func(x, y catalog.Edge) int {
		if c := depOrder(x) - depOrder(y); c != 0 {
			return c
		}
		return int(x.OID) - int(y.OID)
	})
	for _, e := range edges {
		b := address{e.Class, e.OID, e.Sub}
		switch {
		case b.class == a.class && b.oid == a.oid:
			continue // a part needs the whole
		case b.class == catalog.ClassRewrite: // a rule stands for its view
			v := r.Overlay.RuleByOID(b.oid)
			if v == nil || a == (address{catalog.ClassRelation, v.OID, 0}) {
				continue
			}
			b = address{catalog.ClassRelation, v.OID, 0}
		case b.class == catalog.ClassRelation && a.class != catalog.ClassType && b.sub == 0:
			if rel := r.Overlay.Relation(b.oid); rel != nil && rel.RelKind == 'c' {
				b = address{catalog.ClassType, rel.RowType, 0} // a composite type is dropped as a type
			}
		}
		d.add(b, e.Type, a)
	}
}

// depOrder sorts what goes along silently before what is reported.
func depOrder(e catalog.Edge) int {
	if e.Type == catalog.DepNormal {
		return 1
	}
	return 0
}

// silent reports whether a target goes along without a word.
func (d *deletion) silent(t *target) bool { return d.asked[t.address] || t.how != catalog.DepNormal }

// report tells of what goes along, or refuses when nothing may.
func (d *deletion) report(asked []address, cascade, quiet bool) {
	var lines []string
	n := 0
	for i := range d.targets {
		t := &d.targets[i]
		if d.silent(t) {
			continue
		}
		n++
		switch what := d.r.describe(t.address); {
		case n > maxReportedDeps:
		case cascade:
			lines = append(lines, "drop cascades to "+what)
		default:
			lines = append(lines, what+" depends on "+d.r.describe(t.parent))
		}
	}
	if n == 0 {
		return
	}
	if more := n - maxReportedDeps; more > 0 {
		word := "objects"
		if more == 1 {
			word = "object"
		}
		lines = append(lines, "and "+itoa(more)+" other "+word+" (see server log for list)")
	}
	detail := strings.Join(lines, "\n")
	switch {
	case !cascade:
		e := pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop desired object(s) because other objects depend on them")
		if len(asked) == 1 {
			e.Message = "cannot drop " + d.r.describe(asked[0]) + " because other objects depend on it"
		}
		e.Detail, e.Hint = detail, "Use DROP ... CASCADE to drop the dependent objects too."
		fail(e)
	case quiet:
	case n == 1:
		d.r.notice("%s", detail)
	default:
		d.r.note(pgerr.Notice("drop cascades to %d other objects", n).WithDetail("%s", detail))
	}
}

// removeAll removes the objects, dependents first.
func (r *runner) removeAll(targets []target) {
	whole := map[types.OID]bool{}
	for _, t := range targets {
		if t.class == catalog.ClassRelation && t.sub == 0 {
			whole[t.oid] = true
		}
	}
	for i := len(targets) - 1; i >= 0; i-- {
		r.removeOne(targets[i].address, whole)
	}
}

// removeOne removes an object alone. What is a part of a relation that goes as a whole (in whole) needs no change of its own.
func (r *runner) removeOne(a address, whole map[types.OID]bool) {
	r.removeComments(a)
	switch a.class {
	case catalog.ClassRelation:
		rel := r.Overlay.Relation(a.oid)
		switch {
		case rel == nil:
		case a.sub == 0:
			r.removeRelation(rel, whole)
		case !whole[a.oid]:
			r.removeColumn(rel, a.sub)
		}
	case catalog.ClassConstraint:
		r.removeConstraint(a.oid, whole)
	case catalog.ClassAttrDef:
		rel, att := r.Overlay.DefaultByOID(a.oid)
		switch {
		case rel == nil || whole[rel.OID]:
		case rel.Columns[att-1].Generated != 0: // a generated column without its expression is nothing
			r.removeColumn(rel, att)
		default:
			r.storeDefault(rel.OID, att, nil)
		}
	case catalog.ClassType:
		if t := r.Overlay.TypeDesc(a.oid); t != nil {
			r.Overlay.Delete(t)
		} else if t := r.Overlay.TypeByOID(a.oid); t != nil && t.Kind == types.KindComposite {
			if rel := r.Overlay.Relation(t.Relid); rel != nil && rel.RelKind == 'c' {
				r.Overlay.Delete(rel)
			}
		}
	case catalog.ClassSchema:
		if s := r.Overlay.Schema(a.oid); s != nil {
			r.Overlay.Delete(s)
		}
	case catalog.ClassExtension:
		for _, e := range r.Overlay.Extensions() {
			if e.OID == a.oid {
				r.Overlay.Delete(e)
			}
		}
	case catalog.ClassDefaultACL:
		for _, x := range r.Overlay.DefaultACLs() {
			if x.OID == a.oid {
				r.Overlay.Delete(x)
			}
		}
	}
}

func (r *runner) removeConstraint(oid types.OID, whole map[types.OID]bool) {
	_, rel, typ := r.Overlay.ConstraintByOID(oid)
	is := func(c catalog.Constraint) bool { return c.OID == oid }
	if rel != nil && !whole[rel.OID] {
		r.change(rel.OID, func(rel *catalog.Relation) { rel.Constraints = slices.DeleteFunc(rel.Constraints, is) })
	}
	if typ != nil {
		c := *typ
		c.Constraints = slices.DeleteFunc(slices.Clone(typ.Constraints), is)
		r.Overlay.Put(&c)
	}
}

func (r *runner) removeRelation(rel *catalog.Relation, whole map[types.OID]bool) {
	if s := r.Overlay.Stats(rel.OID); s != nil {
		r.Overlay.Delete(s)
	}
	r.Overlay.Delete(rel)
	if rel.Index == nil || whole[rel.Index.Table] || r.Overlay.Relation(rel.Index.Table) == nil {
		return
	}
	r.change(rel.Index.Table, func(t *catalog.Relation) {
		t.Indexes = slices.DeleteFunc(t.Indexes, func(o types.OID) bool { return o == rel.OID })
	})
}

// removeColumn marks a column as dropped.
func (r *runner) removeColumn(rel *catalog.Relation, att int) {
	if rel.Columns[att-1].Dropped {
		return
	}
	r.change(rel.OID, func(rel *catalog.Relation) {
		c := &rel.Columns[att-1]
		*c = catalog.Column{Name: "........pg.dropped." + itoa(att) + "........", T: c.T, Dropped: true, Missing: c.Missing}
	})
}

func (r *runner) removeComments(a address) {
	for _, c := range r.Overlay.Comments() {
		if c.Class == a.class && c.Object == a.oid && (a.sub == 0 || c.Sub == a.sub) {
			r.Overlay.Delete(c)
		}
	}
}

// describe prints an object as getObjectDescription does.
func (r *runner) describe(a address) string {
	o := r.Overlay
	switch a.class {
	case catalog.ClassRelation:
		rel := o.Relation(a.oid)
		if rel == nil {
			return "relation " + itoa(int(a.oid))
		}
		s := kindWord(rel.RelKind) + " " + o.RelationName(a.oid)
		if rel.RelKind == 'c' {
			s = "composite " + s
		}
		if a.sub > 0 && a.sub <= len(rel.Columns) {
			return "column " + quote(rel.Columns[a.sub-1].Name) + " of " + s
		}
		return s
	case catalog.ClassType:
		return "type " + types.FormatTypeName(r.typeCtx(), a.oid)
	case catalog.ClassConstraint:
		c, rel, typ := o.ConstraintByOID(a.oid)
		if rel != nil {
			return "constraint " + quote(c.Name) + " on " + r.describe(address{catalog.ClassRelation, rel.OID, 0})
		}
		if typ != nil {
			return "constraint " + quote(c.Name) + " on domain " + types.FormatTypeName(r.typeCtx(), typ.OID)
		}
	case catalog.ClassAttrDef:
		if rel, att := o.DefaultByOID(a.oid); rel != nil {
			return "default value for " + r.describe(address{catalog.ClassRelation, rel.OID, att})
		}
	case catalog.ClassRewrite:
		if v := o.RuleByOID(a.oid); v != nil {
			return "rule _RETURN on " + r.describe(address{catalog.ClassRelation, v.OID, 0})
		}
	case catalog.ClassSchema:
		return "schema " + quote(r.schemaName(a.oid))
	case catalog.ClassExtension:
		for _, e := range o.Extensions() {
			if e.OID == a.oid {
				return "extension " + quote(e.Name)
			}
		}
	case catalog.ClassRole:
		return "role " + catalog.RoleName(o, a.oid)
	case catalog.ClassDatabase:
		if d := o.Database(a.oid); d != nil {
			return "database " + quote(d.Name)
		}
	}
	return "object " + itoa(int(a.oid))
}
