package catalog

import "kimberlite/sql/types"

// OIDs of the catalogs themselves: the class part of an object's address.
const (
	ClassRelation   types.OID = 1259
	ClassType       types.OID = 1247
	ClassAttrDef    types.OID = 2604
	ClassConstraint types.OID = 2606
	ClassRewrite    types.OID = 2618
	ClassSchema     types.OID = 2615
	ClassDatabase   types.OID = 1262
	ClassRole       types.OID = 1260
	ClassProc       types.OID = 1255
	ClassOperator   types.OID = 2617
	ClassCollation  types.OID = 3456
	ClassOpClass    types.OID = 2616
	ClassCast       types.OID = 2605
	ClassLanguage   types.OID = 2612
	ClassTablespace types.OID = 1213
	ClassExtension  types.OID = 3079
	ClassEnum       types.OID = 3501
	ClassDefaultACL types.OID = 826
	ClassAm         types.OID = 2601
	ClassTrigger    types.OID = 2620
)

// The kinds of dependency, pg_depend.deptype.
const (
	DepNormal   byte = 'n'
	DepAuto     byte = 'a'
	DepInternal byte = 'i'
	DepPrimary  byte = 'P'
	DepExt      byte = 'e'
)

// Edge is a row of pg_depend: the dependent object needs the referenced one.
type Edge struct {
	Class, OID types.OID // dependent
	Sub        int
	RefClass   types.OID
	RefOID     types.OID
	RefSub     int
	Type       byte
}

// Edges lists the dependencies that a descriptor stands for: those of the object and of its parts (defaults, constraints, rules). Dependencies on
// built-in objects are left out, as PostgreSQL leaves out pinned ones, except that everything in a schema depends on it.
func Edges(d Descriptor) []Edge {
	b := edgeBuilder{}
	switch d := d.(type) {
	case *Relation:
		b.relation(d)
	case *TypeDesc:
		b.typeDesc(d)
	case *Function:
		b.function(d)
	case *Extension:
		b.add(ClassExtension, d.OID, 0, ClassSchema, d.Schema, 0, DepNormal)
	case *DefaultACL:
		b.add(ClassDefaultACL, d.OID, 0, ClassSchema, d.Schema, 0, DepAuto)
	}
	return b.edges
}

type edgeBuilder struct{ edges []Edge }

func (b *edgeBuilder) add(class, oid types.OID, sub int, refClass, refOID types.OID, refSub int, typ byte) {
	pinned := refOID < FirstNormalOID && refOID != PublicSchemaOID
	if refOID == 0 || pinned || class == refClass && oid == refOID && (sub == refSub || refSub == 0 && class == ClassRelation) {
		return
	}
	b.edges = append(b.edges, Edge{class, oid, sub, refClass, refOID, refSub, typ})
}

func (b *edgeBuilder) list(class, oid types.OID, sub int, deps []Dependency) {
	for _, d := range deps {
		b.add(class, oid, sub, d.Class, d.OID, d.Sub, d.Type)
	}
}

func (b *edgeBuilder) relation(r *Relation) {
	switch {
	case r.Index != nil:
		b.index(r)
	case r.RelKind == 'c':
		b.add(ClassRelation, r.OID, 0, ClassType, r.RowType, 0, DepInternal)
		b.add(ClassType, r.RowType, 0, ClassSchema, r.Schema, 0, DepNormal)
	default:
		b.add(ClassRelation, r.OID, 0, ClassSchema, r.Schema, 0, DepNormal)
		b.add(ClassType, r.RowType, 0, ClassRelation, r.OID, 0, DepInternal)
	}
	b.add(ClassType, r.RowArray, 0, ClassType, r.RowType, 0, DepInternal)
	for i := range r.Columns {
		c := &r.Columns[i]
		if c.Dropped {
			continue
		}
		if r.Index == nil { // an index column depends through the table's
			b.add(ClassRelation, r.OID, i+1, ClassType, c.T.OID, 0, DepNormal)
			b.add(ClassRelation, r.OID, i+1, ClassCollation, c.Collation, 0, DepNormal)
		}
		if c.Default != nil {
			b.add(ClassAttrDef, c.DefaultOID, 0, ClassRelation, r.OID, i+1, DepAuto)
			b.list(ClassAttrDef, c.DefaultOID, 0, c.DefaultDeps)
		}
	}
	for i := range r.Constraints {
		b.constraint(r, &r.Constraints[i])
	}
	for _, p := range r.Parents {
		b.add(ClassRelation, r.OID, 0, ClassRelation, p, 0, DepNormal)
	}
	if r.View != nil {
		b.add(ClassRewrite, r.View.RuleOID, 0, ClassRelation, r.OID, 0, DepInternal)
		b.list(ClassRewrite, r.View.RuleOID, 0, r.DependsOn)
		return
	}
	if s := r.Sequence; s != nil && s.OwnedBy != 0 {
		typ := DepAuto
		if s.Identity {
			typ = DepInternal
		}
		b.add(ClassRelation, r.OID, 0, ClassRelation, s.OwnedBy, s.OwnedCol, typ)
	}
	b.list(ClassRelation, r.OID, 0, r.DependsOn)
}

func (b *edgeBuilder) index(r *Relation) {
	x := r.Index
	if x.Constraint != 0 {
		b.add(ClassRelation, r.OID, 0, ClassConstraint, x.Constraint, 0, DepInternal)
	} else {
		for _, k := range x.Keys {
			if k.Att > 0 {
				b.add(ClassRelation, r.OID, 0, ClassRelation, x.Table, k.Att, DepAuto)
			}
		}
		for _, a := range x.Include {
			b.add(ClassRelation, r.OID, 0, ClassRelation, x.Table, a, DepAuto)
		}
		if len(b.edges) == 0 { // only expressions
			b.edges = append(b.edges, Edge{ClassRelation, r.OID, 0, ClassRelation, x.Table, 0, DepAuto})
		}
	}
}

func (b *edgeBuilder) constraint(r *Relation, c *Constraint) {
	for _, a := range c.Cols {
		b.add(ClassConstraint, c.OID, 0, ClassRelation, r.OID, a, DepAuto)
	}
	if len(c.Cols) == 0 {
		b.add(ClassConstraint, c.OID, 0, ClassRelation, r.OID, 0, DepAuto)
	}
	b.list(ClassConstraint, c.OID, 0, c.Deps)
	if c.Type != 'f' {
		return
	}
	for _, a := range c.RefCols {
		b.edges = append(b.edges, Edge{ClassConstraint, c.OID, 0, ClassRelation, c.RefRel, a, DepNormal})
	}
	b.add(ClassConstraint, c.OID, 0, ClassRelation, c.Index, 0, DepNormal)
}

func (b *edgeBuilder) typeDesc(d *TypeDesc) {
	t := &d.Type
	b.add(ClassType, d.OID, 0, ClassSchema, t.Namespace, 0, DepNormal)
	b.add(ClassType, t.Array, 0, ClassType, d.OID, 0, DepInternal)
	b.add(ClassType, d.OID, 0, ClassType, t.Base, 0, DepNormal)
	if t.Range != nil {
		b.add(ClassType, d.OID, 0, ClassType, t.Range.Subtype, 0, DepNormal)
		b.add(ClassType, t.Range.Multirange, 0, ClassType, d.OID, 0, DepInternal)
		b.add(ClassType, t.Range.MultirangeArray, 0, ClassType, t.Range.Multirange, 0, DepInternal)
	}
	for i := range d.Constraints {
		b.add(ClassConstraint, d.Constraints[i].OID, 0, ClassType, d.OID, 0, DepAuto)
		b.list(ClassConstraint, d.Constraints[i].OID, 0, d.Constraints[i].Deps)
	}
	b.list(ClassType, d.OID, 0, d.DependsOn)
}

func (b *edgeBuilder) function(f *Function) {
	p := &f.Proc
	b.add(ClassProc, f.OID, 0, ClassSchema, p.Namespace, 0, DepNormal)
	b.add(ClassProc, f.OID, 0, ClassType, p.Ret, 0, DepNormal)
	args := p.AllArgs
	if args == nil {
		args = p.Args
	}
	for _, t := range args {
		b.add(ClassProc, f.OID, 0, ClassType, t, 0, DepNormal)
	}
	b.list(ClassProc, f.OID, 0, f.DependsOn)
}
