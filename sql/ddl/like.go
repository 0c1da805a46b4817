package ddl

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// likeSpec is a LIKE clause: the source and, for each of its columns, the new table's.
type likeSpec struct {
	source  types.OID
	options uint32
	atts    []int
}

// The options of LIKE, PostgreSQL's CREATE_TABLE_LIKE_* bits.
const (
	likeComments    = 1 << 0
	likeCompression = 1 << 1
	likeConstraints = 1 << 2
	likeDefaults    = 1 << 3
	likeGenerated   = 1 << 4
	likeIdentity    = 1 << 5
	likeIndexes     = 1 << 6
	likeStorage     = 1 << 8
)

// like adds the columns of another relation; the rest follows in finishLike.
func (r *runner) like(t *tableDef, n *pg.TableLikeClause) {
	src := r.lookup(n.Relation)
	if src == nil {
		fail(pgerr.From(r.noRelation(n.Relation)).At(int(n.Relation.Location)))
	}
	switch src.RelKind {
	case 'r', 'v', 'm', 'c':
	default:
		fail(pgerr.Newf(pgerr.WrongObjectType, "relation \"%s\" is invalid in LIKE clause", src.Name).WithDetail("%s", notSupportedFor(src)).At(int(n.Relation.Location)))
	}
	if src.RelKind != 'c' && src.OID >= catalog.FirstNormalOID &&
		!catalog.HasPrivs(r.Overlay, r.User, src.Owner, aclOr(src.ACL, 'r', src.Owner), catalog.PrivSelect, false, false) {
		failf(pgerr.InsufficientPrivilege, "permission denied for %s %s", kindWord(src.RelKind), src.Name)
	}
	spec := likeSpec{source: src.OID, options: n.Options, atts: make([]int, len(src.Columns))}
	for i := range src.Columns {
		c := &src.Columns[i]
		if c.Dropped {
			continue
		}
		if findColumn(t.rel, c.Name) != 0 {
			failf(pgerr.DuplicateColumn, "column \"%s\" specified more than once", c.Name)
		}
		col := catalog.Column{Name: c.Name, T: c.T, Collation: c.Collation, NotNull: c.NotNull, NDims: c.NDims, StatTarget: -1}
		if n.Options&likeStorage != 0 {
			col.Storage = c.Storage
		}
		if n.Options&likeCompression != 0 {
			col.Compression = c.Compression
		}
		t.rel.Columns = append(t.rel.Columns, col)
		spec.atts[i] = len(t.rel.Columns)
		if c.Identity != 0 && n.Options&likeIdentity != 0 {
			r.likeIdentity(t, spec.atts[i], c)
		}
	}
	t.likes = append(t.likes, spec)
}

// likeIdentity gives a column a sequence like the source's.
func (r *runner) likeIdentity(t *tableDef, att int, c *catalog.Column) {
	src := r.rel(c.IdentitySeq).Sequence
	seq := *src
	seq.OwnedBy, seq.OwnedCol = t.rel.OID, att
	rel := r.newRelation(r.chooseRelationName(t.rel.Name, c.Name, "seq", t.rel.Schema, false), t.rel.Schema, 'S', t.rel.Persistence)
	r.putSequence(rel, &seq, sequenceState{last: seq.Start})
	t.rel.Columns[att-1].Identity, t.rel.Columns[att-1].IdentitySeq = c.Identity, rel.OID
}

// remap turns an expression over the source's columns into one over the new table's.
func (l *likeSpec) remap(b []byte) tree.Expr {
	return tree.MutateDeep(decode(b), 0, func(e tree.Expr, depth int) (tree.Expr, bool) {
		v, ok := e.(*tree.Var)
		if !ok || v.LevelsUp != depth || v.VarNo != 1 || v.AttNo <= 0 {
			return e, false
		}
		c := *v
		c.AttNo = l.atts[v.AttNo-1]
		return &c, true
	})
}

func (l *likeSpec) cols(atts []int) []int {
	out := make([]int, len(atts))
	for i, a := range atts {
		out[i] = l.atts[a-1]
	}
	return out
}

// finishLike copies defaults, checks, indexes and comments as the options say.
func (r *runner) finishLike(table types.OID, l likeSpec) {
	src := r.rel(l.source)
	for i := range src.Columns {
		c := &src.Columns[i]
		if c.Dropped || c.Default == nil {
			continue
		}
		switch {
		case c.Generated != 0 && l.options&likeGenerated != 0:
			r.change(table, func(rel *catalog.Relation) { rel.Columns[l.atts[i]-1].Generated = c.Generated })
			r.storeDefault(table, l.atts[i], l.remap(c.Default))
		case c.Generated == 0 && l.options&likeDefaults != 0:
			r.storeDefault(table, l.atts[i], decode(c.Default))
		}
	}
	if l.options&likeConstraints != 0 {
		for i := range src.Constraints {
			if c := src.Constraints[i]; c.Type == 'c' {
				from := c.OID
				c.OID, c.Cols, c.Expr = r.oid(), l.cols(c.Cols), tree.Encode(l.remap(c.Expr))
				r.change(table, func(rel *catalog.Relation) { rel.Constraints = append(rel.Constraints, c) })
				r.copyComment(l, catalog.ClassConstraint, from, 0, c.OID, 0)
			}
		}
	}
	if l.options&likeIndexes != 0 {
		for _, oid := range src.Indexes {
			r.likeIndex(table, l, r.rel(oid))
		}
	}
	for i := range src.Columns {
		if l.atts[i] != 0 {
			r.copyComment(l, catalog.ClassRelation, src.OID, i+1, table, l.atts[i])
		}
	}
}

func (r *runner) likeIndex(table types.OID, l likeSpec, src *catalog.Relation) {
	x := src.Index
	spec := indexSpec{method: x.Method, unique: x.Unique, primary: x.Primary, constraint: x.Constraint != 0, deferrable: !x.Immediate,
		nullsNotDistinct: x.NullsNotDistinct, include: l.cols(x.Include), fresh: true}
	if c, _, _ := r.Overlay.ConstraintByOID(x.Constraint); c != nil {
		spec.deferrable, spec.deferred = c.Deferrable, c.Deferred
	}
	if x.Predicate != nil {
		spec.where = l.remap(x.Predicate)
	}
	for i, k := range x.Keys {
		key := keySpec{opclass: k.OpClass, collation: k.Collation, desc: k.Desc, nullsFirst: k.NullsFirst}
		if k.Att > 0 {
			key.att = l.atts[k.Att-1]
		} else {
			key.expr, key.name = l.remap(k.Expr), src.Columns[i].Name
		}
		spec.keys = append(spec.keys, key)
	}
	oid := r.defineIndex(table, spec)
	if len(src.Options) > 0 {
		r.change(oid, func(ix *catalog.Relation) { ix.Options = slices.Clone(src.Options) })
	}
	r.copyComment(l, catalog.ClassRelation, src.OID, 0, oid, 0)
}

func (r *runner) copyComment(l likeSpec, class, from types.OID, fromSub int, to types.OID, toSub int) {
	if l.options&likeComments == 0 {
		return
	}
	if text := r.Overlay.Comment(class, from, fromSub); text != "" {
		r.putComment(class, to, toSub, text, false)
	}
}
