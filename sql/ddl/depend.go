package ddl

import (
	"cmp"
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
	parent address
}

// deletion is the closure of what a DROP removes: each object behind all that depend on it.
type deletion struct {
	r       *runner
	targets []target
	// how tells how an object was reached, from the moment it is looked at; finished objects are in targets.
	how   map[address]byte
	asked map[address]bool
}

// removeObjects drops objects with all that must go with them. cascade lets normal dependents go too; otherwise they are reported and refused. quiet leaves the
// notices out.
func (r *runner) removeObjects(asked []address, cascade, quiet bool) {
	d := &deletion{r: r, how: map[address]byte{}, asked: map[address]bool{}}
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
		if t.Kind == types.KindMultirange {
			refuse(address{catalog.ClassType, t.Range.Multirange, 0})
		}
	}
}

// add puts an object into the closure behind its dependents, the newest of which come first, as PostgreSQL has it.
func (d *deletion) add(a address, how byte, parent address) {
	if was, ok := d.how[a]; ok {
		if was == catalog.DepNormal && how != was {
			d.how[a] = how
		}
		return
	}
	if _, whole := d.how[address{a.class, a.oid, 0}]; a.sub != 0 && whole {
		return
	}
	d.how[a] = how
	var edges []catalog.Edge
	d.r.Overlay.EachDependent(a.class, a.oid, a.sub, func(e catalog.Edge) { edges = append(edges, e) })
	slices.SortStableFunc(edges, func(x, y catalog.Edge) int { return cmp.Compare(y.OID, x.OID) })
	for _, e := range edges {
		if b := d.owner(a, address{e.Class, e.OID, e.Sub}); b != a && (b.class != a.class || b.oid != a.oid || a.sub != 0 && b.sub != 0) {
			d.add(b, e.Type, a)
		}
	}
	d.targets = append(d.targets, target{a, parent})
}

// owner is the object that goes when b, which depends on a, has to: a view for its rule, a generated column for its expression, a composite
// type for its relation.
func (d *deletion) owner(a, b address) address {
	o := d.r.Overlay
	switch b.class {
	case catalog.ClassRewrite:
		if v := o.RuleByOID(b.oid); v != nil {
			return address{catalog.ClassRelation, v.OID, 0}
		}
	case catalog.ClassAttrDef:
		if rel, att := o.DefaultByOID(b.oid); rel != nil && rel.Columns[att-1].Generated != 0 {
			return address{catalog.ClassRelation, rel.OID, att}
		}
	case catalog.ClassRelation:
		if rel := o.Relation(b.oid); rel != nil && rel.RelKind == 'c' && b.sub == 0 && a.class != catalog.ClassType {
			return address{catalog.ClassType, rel.RowType, 0}
		}
	}
	return b
}

// silent reports whether a target goes along without a word.
func (d *deletion) silent(t *target) bool { return d.how[t.address] != catalog.DepNormal }

// report tells of what goes along, or refuses when nothing may.
func (d *deletion) report(asked []address, cascade, quiet bool) {
	var lines []string
	n := 0
	for i := len(d.targets) - 1; i >= 0; i-- {
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
	for _, t := range targets {
		r.removeOne(t.address, whole)
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
		if rel, att := r.Overlay.DefaultByOID(a.oid); rel != nil && !whole[rel.OID] {
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
	case catalog.ClassProc:
		if f := r.Overlay.Function(a.oid); f != nil {
			r.Overlay.Delete(f)
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
	case catalog.ClassProc:
		if p := o.Proc(a.oid); p != nil {
			return "function " + r.signature(p)
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
