package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/deparse"
	"kimberlite/sql/functions"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

func procWord(p *catalog.Proc) string {
	switch p.Kind {
	case 'p':
		return "procedure"
	case 'a':
		return "aggregate function"
	case 'w':
		return "window function"
	}
	return "function"
}

// signature is a function's name and input types.
func (r *runner) signature(p *catalog.Proc) string {
	return deparse.Signature(r.Overlay.Bound.WithPath(r.path()), p)
}

func (r *runner) knownInternal(src string) bool {
	_, ok := functions.LookupInternal(src)
	return ok
}

// functionWord is what messages call the kind of routine that a statement is about.
func functionWord(t pg.ObjectType) string {
	switch t {
	case pg.ObjectType_OBJECT_PROCEDURE:
		return "procedure"
	case pg.ObjectType_OBJECT_ROUTINE:
		return "routine"
	case pg.ObjectType_OBJECT_AGGREGATE:
		return "aggregate"
	}
	return "function"
}

// findFunction finds the function that a statement names (LookupFuncWithArgs); nil when there is none and missingOK.
func (r *runner) findFunction(o *pg.ObjectWithArgs, kind pg.ObjectType, missingOK bool) *catalog.Proc {
	word := functionWord(kind)
	full := strings.Join(strs(o.Objname), ".")
	list := r.namedFunctions(o.Objname, missingOK)
	fits := func(p *catalog.Proc) bool {
		return kind == pg.ObjectType_OBJECT_ROUTINE || (kind == pg.ObjectType_OBJECT_PROCEDURE) == (p.Kind == 'p')
	}
	if o.ArgsUnspecified {
		list = slices.DeleteFunc(list, func(p *catalog.Proc) bool { return !fits(p) })
		switch len(list) {
		case 1:
			return list[0]
		case 0:
			if missingOK {
				return nil
			}
			failf(pgerr.UndefinedFunction, "could not find a %s named \"%s\"", word, full)
		}
		fail(pgerr.Newf(pgerr.AmbiguousFunction, "%s name \"%s\" is not unique", word, full).
			WithHint("Specify the argument list to select the %s unambiguously.", word))
	}
	args, ok := r.functionArgs(o.Objargs, missingOK)
	if !ok {
		return nil
	}
	for _, p := range list {
		if !slices.Equal(p.Args, args) {
			continue
		}
		sig := full + "(" + r.typeList(args) + ")"
		switch {
		case kind == pg.ObjectType_OBJECT_FUNCTION && p.Kind == 'p':
			failf(pgerr.WrongObjectType, "%s is not a function", sig)
		case kind == pg.ObjectType_OBJECT_PROCEDURE && p.Kind != 'p':
			failf(pgerr.WrongObjectType, "%s is not a procedure", sig)
		}
		return p
	}
	if missingOK {
		return nil
	}
	failf(pgerr.UndefinedFunction, "%s %s(%s) does not exist", strings.Replace(word, "routine", "function", 1), full, r.typeList(args))
	return nil
}

func (r *runner) typeList(args []types.OID) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = types.FormatTypeName(r.typeCtx(), a)
	}
	return strings.Join(out, ", ")
}

// functionArgs resolves the argument types of a function's name. ok is false when a type does not exist and missingOK.
func (r *runner) functionArgs(list []*pg.Node, missingOK bool) (args []types.OID, ok bool) {
	for _, x := range list {
		n := x.GetTypeName()
		if missingOK && r.missingType(n) {
			return nil, false
		}
		args = append(args, r.typeOfUnplaced(n).OID)
	}
	return args, true
}

// missingType reports whether a type's name means nothing, with the notice of IF EXISTS.
func (r *runner) missingType(n *pg.TypeName) bool {
	names := n.Names
	rv := rangeVar(names)
	if rv.Schemaname != "" && r.schemaByName(rv.Schemaname) == nil {
		r.notice("schema \"%s\" does not exist, skipping", rv.Schemaname)
		return true
	}
	if r.findType(names) == nil && !n.PctType {
		r.notice("type \"%s\" does not exist, skipping", strings.Join(strs(names), "."))
		return true
	}
	return false
}

// namedFunctions lists the functions with a name: of its schema, or those that the search path shows.
func (r *runner) namedFunctions(names []*pg.Node, missingOK bool) (out []*catalog.Proc) {
	rv := rangeVar(names)
	var path []types.OID
	if rv.Schemaname != "" {
		s := r.schemaByName(rv.Schemaname)
		if s == nil {
			if !missingOK {
				failf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", rv.Schemaname)
			}
			return nil
		}
		path = []types.OID{s.OID}
	} else {
		path = r.path()
	}
	all := r.Overlay.Procs(rv.Relname)
	for _, ns := range path {
		for _, p := range all {
			hidden := slices.ContainsFunc(out, func(q *catalog.Proc) bool { return slices.Equal(q.Args, p.Args) })
			if p.Namespace == ns && !hidden {
				out = append(out, p)
			}
		}
	}
	return out
}

// ownFunction finds a user's function for a change by its owner.
func (r *runner) ownFunction(o *pg.ObjectWithArgs, kind pg.ObjectType) *catalog.Function {
	p := r.findFunction(o, kind, false)
	if !r.owns(p.Owner) {
		failf(pgerr.InsufficientPrivilege, "must be owner of %s %s", procWord(p), p.Name)
	}
	f := r.Overlay.Function(p.OID)
	if f == nil {
		unsupported("a change of a built-in function", "Make a function of your own.")
	}
	return f
}

// editFunction changes a copy of a function's descriptor.
func (r *runner) editFunction(f *catalog.Function, change func(*catalog.Function)) {
	c := *f
	change(&c)
	r.Overlay.Put(&c)
}

// dropFunctions is DROP FUNCTION, PROCEDURE and ROUTINE.
func (r *runner) dropFunctions(n *pg.DropStmt) (asked []address) {
	for _, x := range n.Objects {
		o := x.GetObjectWithArgs()
		if rv := rangeVar(o.Objname); n.MissingOk && rv.Schemaname != "" && r.schemaByName(rv.Schemaname) == nil {
			r.notice("schema \"%s\" does not exist, skipping", rv.Schemaname)
			continue
		}
		p := r.droppedFunction(o, n)
		if p == nil {
			continue
		}
		if !r.owns(p.Owner) {
			s := r.Overlay.Schema(p.Namespace)
			if s == nil || !r.owns(s.Owner) {
				failf(pgerr.InsufficientPrivilege, "must be owner of %s %s", procWord(p), p.Name)
			}
		}
		if p.OID < catalog.FirstNormalOID {
			failf(pgerr.DependentObjectsStillExist, "cannot drop %s because it is required by the database system", "function "+r.signature(p))
		}
		asked = append(asked, address{catalog.ClassProc, p.OID, 0})
	}
	return asked
}

// droppedFunction finds a function to drop, with the notice of IF EXISTS when there is none.
func (r *runner) droppedFunction(o *pg.ObjectWithArgs, n *pg.DropStmt) *catalog.Proc {
	said := false
	noted := r.Notice
	r.Notice = func(e *pgerr.Error) { said = true; noted(e) }
	defer func() { r.Notice = noted }()
	p := r.findFunction(o, n.RemoveType, n.MissingOk)
	if p == nil && !said {
		r.notice("%s %s does not exist, skipping", functionWord(n.RemoveType), objectName(&pg.Node{Node: &pg.Node_ObjectWithArgs{ObjectWithArgs: o}}))
	}
	return p
}

// alterFunction is ALTER FUNCTION with attributes.
func (r *runner) alterFunction(n *pg.AlterFunctionStmt) {
	f := r.ownFunction(n.Func, n.Objtype)
	opts := r.functionOptions(n.Actions, f.Proc.Kind == 'p')
	r.editFunction(f, func(f *catalog.Function) {
		r.applyFunctionOptions(&f.Proc, opts)
		setCosts(&f.Proc, opts)
	})
}

func (r *runner) renameFunction(n *pg.RenameStmt) {
	f := r.ownFunction(n.Object.GetObjectWithArgs(), n.RenameType)
	r.mayCreateIn(f.Proc.Namespace)
	r.checkFunctionFree(f, f.Proc.Namespace, n.Newname)
	r.editFunction(f, func(f *catalog.Function) { f.Name, f.Proc.Name = n.Newname, n.Newname })
}

// checkFunctionFree fails when a schema has a function with the name and f's arguments.
func (r *runner) checkFunctionFree(f *catalog.Function, schema types.OID, name string) {
	for _, q := range r.Overlay.Procs(name) {
		if q.Namespace == schema && slices.Equal(q.Args, f.Proc.Args) {
			failf(pgerr.DuplicateFunction, "function %s(%s) already exists in schema \"%s\"", name, r.typeList(f.Proc.Args), r.schemaName(schema))
		}
	}
}

func (r *runner) moveFunction(n *pg.AlterObjectSchemaStmt) {
	f := r.ownFunction(n.Object.GetObjectWithArgs(), n.ObjectType)
	to := r.moveTo(f.Proc.Namespace, n.Newschema)
	if to == f.Proc.Namespace {
		return
	}
	r.checkFunctionFree(f, to, f.Name)
	r.editFunction(f, func(f *catalog.Function) { f.Proc.Namespace = to })
}

func (r *runner) functionOwner(n *pg.AlterOwnerStmt, role *catalog.Role) {
	f := r.ownFunction(n.Object.GetObjectWithArgs(), n.ObjectType)
	if f.Owner == role.OID {
		return
	}
	r.newOwner(role)
	r.giveFunction(f, role.OID)
}

func (r *runner) giveFunction(f *catalog.Function, to types.OID) {
	r.editFunction(f, func(c *catalog.Function) {
		c.Owner, c.Proc.Owner, c.ACL = to, to, moveACL(f.ACL, f.Owner, to)
	})
}

// grantFunctions is GRANT and REVOKE on functions.
func (r *runner) grantFunctions(g *grantOp, n *pg.GrantStmt, privs uint32, all bool) {
	var list []*catalog.Function
	for _, o := range n.Objects {
		if n.Targtype != pg.GrantTargetType_ACL_TARGET_ALL_IN_SCHEMA {
			p := r.findFunction(o.GetObjectWithArgs(), n.Objtype, false)
			f := r.Overlay.Function(p.OID)
			if f == nil {
				unsupported("GRANT ON a built-in function", "The built-in ones are open to everybody.")
			}
			list = append(list, f)
			continue
		}
		s := r.needSchema(str(o))
		for _, f := range r.Overlay.Functions() {
			isProc := f.Proc.Kind == 'p'
			if f.Proc.Namespace == s.OID && (n.Objtype == pg.ObjectType_OBJECT_ROUTINE || isProc == (n.Objtype == pg.ObjectType_OBJECT_PROCEDURE)) {
				list = append(list, f)
			}
		}
	}
	for _, f := range list {
		r.editFunction(f, func(f *catalog.Function) { r.grantOn(g, &f.Header, 'f', privs, all, procWord(&f.Proc)) })
	}
}

// checkPolymorphic makes sure that a polymorphic result can be told from the arguments (check_valid_polymorphic_signature).
func (r *runner) checkPolymorphic(p *catalog.Proc) {
	outs := []types.OID{p.Ret}
	for i, m := range p.ArgModes {
		if m == 'o' || m == 't' {
			outs = append(outs, p.AllArgs[i])
		}
	}
	for _, t := range outs {
		var from []types.OID
		var names string
		switch {
		case t == types.OIDAnyrange || t == types.OIDAnymultirange:
			from, names = []types.OID{types.OIDAnyrange, types.OIDAnymultirange}, "anyrange or anymultirange"
		case t == types.OIDAnycompatiblerange || t == types.OIDAnycompatiblemultirange:
			from, names = []types.OID{types.OIDAnycompatiblerange, types.OIDAnycompatiblemultirange}, "anycompatiblerange or anycompatiblemultirange"
		case types.IsAnyelementFamily(t):
			from, names = slices.DeleteFunc(slices.Clone(p.Args), func(a types.OID) bool { return !types.IsAnyelementFamily(a) }),
				"anyelement, anyarray, anynonarray, anyenum, anyrange, or anymultirange"
		case types.IsAnycompatibleFamily(t):
			from, names = slices.DeleteFunc(slices.Clone(p.Args), func(a types.OID) bool { return !types.IsAnycompatibleFamily(a) }),
				"anycompatible, anycompatiblearray, anycompatiblenonarray, anycompatiblerange, or anycompatiblemultirange"
		default:
			continue
		}
		if !slices.ContainsFunc(p.Args, func(a types.OID) bool { return slices.Contains(from, a) }) {
			fail(pgerr.New(pgerr.InvalidFunctionDefinition, "cannot determine result data type").
				WithDetail("A result of type %s requires at least one input of type %s.", types.FormatTypeName(r.typeCtx(), t), names))
		}
	}
}
