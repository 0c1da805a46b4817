package types

import "strings"

func init() {
	type fn = func(ctx *Ctx, v []Datum) (string, error)
	args := func(v []Datum) (Jsonb, *JSONPath, Jsonb, bool, error) {
		vars, silent := Jsonb(""), false
		if len(v) > 2 {
			vars, silent = Jsonb(v[2].S), v[3].IsTrue()
		}
		p, err := CachedJSONPath(v[1].S)
		return Jsonb(v[0].S), p, vars, silent, err
	}
	for _, sig := range []string{"(jsonb,jsonpath)", "(jsonb,jsonpath,jsonb,bool)"} {
		for name, f := range map[string]fn{
			"jsonb_path_query": func(ctx *Ctx, v []Datum) (string, error) {
				j, p, vars, silent, err := args(v)
				if err != nil {
					return "", err
				}
				found, err := JSONPathQuery(ctx, j, p, vars, silent, false)
				var out []string
				for _, f := range found {
					out = append(out, f.String())
				}
				return strings.Join(out, " ; "), err
			},
			"jsonb_path_exists": func(ctx *Ctx, v []Datum) (string, error) {
				j, p, vars, silent, err := args(v)
				if err != nil {
					return "", err
				}
				d, err := JSONPathExists(ctx, j, p, vars, silent, false)
				return refResult(ctx, OIDBool, d, err)
			},
			"jsonb_path_match": func(ctx *Ctx, v []Datum) (string, error) {
				j, p, vars, silent, err := args(v)
				if err != nil {
					return "", err
				}
				d, err := JSONPathMatch(ctx, j, p, vars, silent, false)
				return refResult(ctx, OIDBool, d, err)
			},
		} {
			refRegister(name+sig, f)
		}
	}
}
