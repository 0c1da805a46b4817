package functions

import (
	"strings"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// The functions and operators of the SQL/JSON path language (9.16.2); those with _tz may use the session's time zone.

// jsonPathArgs are the arguments of a jsonb_path_ function.
type jsonPathArgs struct {
	target types.Jsonb
	path   *types.JSONPath
	vars   types.Jsonb
	silent bool
}

func (c *Call) jsonPathArgs(a []types.Datum) (p jsonPathArgs, err error) {
	p.target = types.Jsonb(a[0].S)
	if p.path, err = c.compiledPath(a[1].S); err != nil {
		return p, err
	}
	if len(a) > 2 {
		p.vars, p.silent = types.Jsonb(a[2].S), a[3].IsTrue()
	} else {
		p.silent = true // the operators don't fail
	}
	return p, nil
}

// sitePath is the compiled path of a call site, with its text.
type sitePath struct {
	text string
	path *types.JSONPath
}

// compiledPath keeps the last path of the call site; it seldom changes.
func (c *Call) compiledPath(text string) (*types.JSONPath, error) {
	if s, ok := c.Memo.(*sitePath); ok && s.text == text {
		return s.path, nil
	}
	p, err := types.CachedJSONPath(text)
	if err == nil {
		c.Memo = &sitePath{text, p}
	}
	return p, err
}

// likeRegex compiles the pattern of like_regex with XQuery's flags.
func likeRegex(pattern, flags string) (func(string) (bool, error), error) {
	has := func(f string) bool { return strings.Contains(flags, f) }
	f := areFlags{fold: has("i"), literal: has("q")}
	if !f.literal {
		f.dotNoNewline, f.lineAnchors = !has("s"), has("m")
		if has("x") {
			return nil, pgerr.New(pgerr.FeatureNotSupported, "XQuery \"x\" flag (expanded regular expressions) is not implemented")
		}
	}
	re, err := compileARE(pattern, f)
	if err != nil {
		return nil, err
	}
	return re.match, nil
}

func init() {
	types.JSONPathRegex = likeRegex
	exists := func(tz bool) Scalar {
		return func(c *Call, a []types.Datum) (types.Datum, error) {
			p, err := c.jsonPathArgs(a)
			if err != nil {
				return types.Datum{}, err
			}
			return types.JSONPathExists(c.Env.IO, p.target, p.path, p.vars, p.silent, tz)
		}
	}
	match := func(tz bool) Scalar {
		return func(c *Call, a []types.Datum) (types.Datum, error) {
			p, err := c.jsonPathArgs(a)
			if err != nil {
				return types.Datum{}, err
			}
			return types.JSONPathMatch(c.Env.IO, p.target, p.path, p.vars, p.silent, tz)
		}
	}
	scalar("jsonb_path_exists", exists(false))
	scalar("jsonb_path_exists_tz", exists(true))
	scalar("jsonb_path_exists_opr", exists(false))
	scalar("jsonb_path_match", match(false))
	scalar("jsonb_path_match_tz", match(true))
	scalar("jsonb_path_match_opr", match(false))
	for _, tz := range []bool{false, true} {
		suffix := ""
		if tz {
			suffix = "_tz"
		}
		query := func(c *Call, a []types.Datum) ([]types.Jsonb, error) {
			p, err := c.jsonPathArgs(a)
			if err != nil {
				return nil, err
			}
			return types.JSONPathQuery(c.Env.IO, p.target, p.path, p.vars, p.silent, tz)
		}
		set("jsonb_path_query"+suffix, func(c *Call, _ []types.T, a []types.Datum) (RowSource, error) {
			found, err := query(c, a)
			vals := make([]types.Datum, len(found))
			for i, j := range found {
				vals[i] = types.Str(string(j))
			}
			return Values(vals), err
		})
		scalar("jsonb_path_query_array"+suffix, func(c *Call, a []types.Datum) (types.Datum, error) {
			found, err := query(c, a)
			if err != nil {
				return types.Datum{}, err
			}
			return jsonbOf(types.JsonbArray(found...))
		})
		scalar("jsonb_path_query_first"+suffix, func(c *Call, a []types.Datum) (types.Datum, error) {
			found, err := query(c, a)
			if err != nil || len(found) == 0 {
				return types.NullDatum, err
			}
			return types.Str(string(found[0])), nil
		})
	}
}
