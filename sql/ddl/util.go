package ddl

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
)

// nodeText prints the value of an option: a word, string, number, boolean, type name or list of words.
func nodeText(n *pg.Node) string {
	switch x := n.GetNode().(type) {
	case *pg.Node_String_:
		return x.String_.Sval
	case *pg.Node_Integer:
		return strconv.Itoa(int(x.Integer.Ival))
	case *pg.Node_Float:
		return x.Float.Fval
	case *pg.Node_Boolean:
		return strconv.FormatBool(x.Boolean.Boolval)
	case *pg.Node_TypeName:
		return strings.Join(strs(x.TypeName.Names), ".")
	case *pg.Node_List:
		return strings.Join(strs(x.List.Items), ".")
	case *pg.Node_AConst:
		return constText(x.AConst)
	case *pg.Node_RoleSpec:
		return x.RoleSpec.Rolename
	case *pg.Node_TypeCast:
		return nodeText(x.TypeCast.Arg)
	}
	return ""
}

func constText(c *pg.A_Const) string {
	switch v := c.Val.(type) {
	case *pg.A_Const_Ival:
		return strconv.Itoa(int(v.Ival.Ival))
	case *pg.A_Const_Fval:
		return v.Fval.Fval
	case *pg.A_Const_Sval:
		return v.Sval.Sval
	case *pg.A_Const_Boolval:
		return strconv.FormatBool(v.Boolval.Boolval)
	}
	return ""
}

// defText is an option's value as text, "true" when none was given.
func defText(d *pg.DefElem) string {
	if d.Arg == nil {
		return "true"
	}
	return nodeText(d.Arg)
}

// defBool reads a boolean option; none given means true.
func defBool(d *pg.DefElem) bool {
	switch strings.ToLower(defText(d)) {
	case "true", "on", "1", "yes":
		return true
	case "false", "off", "0", "no":
		return false
	}
	failf(pgerr.SyntaxError, "%s requires a Boolean value", d.Defname)
	return false
}

// defInt64 reads a whole number of 64 bits.
func defInt64(d *pg.DefElem) int64 {
	if d.Arg == nil {
		failf(pgerr.SyntaxError, "%s requires a numeric value", d.Defname)
	}
	s := nodeText(d.Arg)
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		if _, ferr := strconv.ParseFloat(s, 64); ferr == nil {
			failf(pgerr.NumericValueOutOfRange, "value \"%s\" is out of range for type bigint", s)
		}
		failf(pgerr.InvalidTextRepresentation, "invalid input syntax for type bigint: \"%s\"", s)
	}
	return v
}

func itoa(n int) string { return strconv.Itoa(n) }
