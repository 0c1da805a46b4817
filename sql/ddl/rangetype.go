package ddl

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// rangeParams are the options of CREATE TYPE ... AS RANGE as written; a nil list is an option that was not given.
type rangeParams struct {
	subtype                         types.T
	opclass, collation, diff, multi []*pg.Node
}

// rangeOptions reads the options (the first part of DefineRange).
func (r *runner) rangeOptions(list []*pg.Node) (p rangeParams) {
	seen := map[string]bool{}
	for _, n := range list {
		d := n.GetDefElem()
		if seen[d.Defname] {
			failAt(d.Location, pgerr.SyntaxError, "conflicting or redundant options")
		}
		seen[d.Defname] = true
		switch d.Defname {
		case "subtype":
			p.subtype = r.typeOf(d.Arg.GetTypeName())
		case "subtype_opclass":
			p.opclass = defNames(d)
		case "collation":
			p.collation = defNames(d)
		case "subtype_diff":
			p.diff = defNames(d)
		case "multirange_type_name":
			p.multi = defNames(d)
		case "canonical":
			unsupported("range type option canonical", "Ranges over a subtype without steps need none.")
		default:
			failf(pgerr.SyntaxError, "type attribute \"%s\" not recognized", d.Defname)
		}
	}
	if p.subtype.OID == 0 {
		failf(pgerr.SyntaxError, "type attribute \"subtype\" is required")
	}
	return p
}

// defNames reads an option that is a name, qualified or not (defGetQualifiedName).
func defNames(d *pg.DefElem) []*pg.Node {
	switch a := d.Arg.GetNode().(type) {
	case *pg.Node_TypeName:
		return a.TypeName.Names
	case *pg.Node_List:
		return a.List.Items
	case *pg.Node_String_:
		return []*pg.Node{d.Arg}
	}
	failf(pgerr.SyntaxError, "argument of %s must be a name", d.Defname)
	return nil
}

// createRange is CREATE TYPE ... AS RANGE.
func (r *runner) createRange(n *pg.CreateRangeStmt) {
	d := r.newType(n.TypeName)
	p := r.rangeOptions(n.Params)
	sub := types.Lookup(r.typeCtx(), p.subtype.OID)
	if sub == nil || sub.Kind == types.KindPseudo {
		failf(pgerr.DatatypeMismatch, "range subtype cannot be %s", r.typeName(types.Of(p.subtype.OID)))
	}
	info := &types.RangeInfo{Subtype: sub.OID, Multirange: r.oid(), MultirangeArray: r.oid(), OpClass: r.rangeOpClass(p.opclass, sub.OID)}
	switch {
	case p.collation != nil && sub.Collation == 0:
		failf(pgerr.WrongObjectType, "range collation specified but subtype does not support collation")
	case p.collation != nil:
		info.Collation = r.collationByName(p.collation, -1)
	default:
		info.Collation = sub.Collation
	}
	if p.diff != nil {
		info.Diff = r.rangeDiff(p.diff, sub.OID)
	}
	t := &d.Type
	t.Kind, t.Category, t.Len, t.Align, t.Storage, t.Class = types.KindRange, 'R', -1, 'i', 'x', types.Bytes
	if sub.Align == 'd' {
		t.Align = 'd'
	}
	t.Input, t.Output, t.Receive, t.Send, t.Analyze = 3834, 3835, 3836, 3837, 3916
	t.Range = info
	info.MultirangeName = r.multirangeName(d, p.multi)
	r.Overlay.Put(d)
}

// rangeOpClass finds the operator class that orders the subtype (findRangeSubOpclass).
func (r *runner) rangeOpClass(names []*pg.Node, sub types.OID) types.OID {
	if names != nil {
		return r.opClass("btree", strs(names), types.Of(sub))
	}
	oc := catalog.DefaultOpClass(r.Overlay, sub, catalog.BtreeAM)
	if oc == 0 {
		fail(pgerr.Newf(pgerr.UndefinedObject, "data type %s has no default operator class for access method \"btree\"", r.typeName(types.Of(sub))).
			WithHint("You must specify an operator class for the range type or define a default operator class for the subtype."))
	}
	return oc
}

// rangeDiff finds the function that tells how far two values of the subtype are apart (findRangeSubtypeDiffFunction).
func (r *runner) rangeDiff(names []*pg.Node, sub types.OID) types.OID {
	list := strs(names)
	arg := r.typeName(types.Of(sub))
	name := strings.Join(list, ".") + "(" + arg + ", " + arg + ")"
	for _, p := range r.Overlay.Procs(list[len(list)-1]) {
		if len(p.Args) != 2 || p.Args[0] != sub || p.Args[1] != sub {
			continue
		}
		if p.Ret != types.OIDFloat8 {
			failf(pgerr.InvalidObjectDefinition, "range subtype diff function %s must return type double precision", name)
		}
		if p.Volatile != 'i' {
			failf(pgerr.InvalidObjectDefinition, "range subtype diff function %s must be immutable", name)
		}
		return p.OID
	}
	failf(pgerr.UndefinedFunction, "function %s does not exist", name)
	return 0
}

// multirangeName is the name of the multirange type that comes with a range type. It is made in the range type's schema.
func (r *runner) multirangeName(d *catalog.TypeDesc, names []*pg.Node) string {
	schema := d.Type.Namespace
	name := catalog.MultirangeTypeName(d.Name)
	if names != nil {
		var in types.OID
		if in, name = r.creationName(names); in != schema {
			unsupported("a multirange type in another schema than its range type", "Leave the schema out.")
		}
	}
	if t := r.Overlay.TypeByName(schema, name); t != nil && !t.IsArray() || name == d.Name {
		e := pgerr.Newf(pgerr.DuplicateObject, "type \"%s\" already exists", name)
		if names == nil {
			e = e.WithDetail("Failed while creating a multirange type for type \"%s\".", d.Name).
				WithHint("You can manually specify a multirange type name using the \"multirange_type_name\" attribute.")
		}
		fail(e)
	}
	return name
}
