package deparse

import (
	"strconv"
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/types"
)

// Arguments prints a function's arguments: with defaults for pg_get_function_arguments, without for pg_get_function_identity_arguments.
func Arguments(b *catalog.Bound, f *catalog.Proc, defaults bool) string {
	s, _ := arguments(b, f, false, defaults)
	return s
}

func arguments(b *catalog.Bound, f *catalog.Proc, table, defaults bool) (string, int) {
	all := f.AllArgs
	if all == nil {
		all = f.Args
	}
	var values []string
	if defaults && f.NDefaults > 0 {
		values = defaultTexts(b, f)
	}
	orderBy := -1
	if a := b.Aggregate(f.OID); a != nil && a.Kind != 'n' && !table {
		orderBy = a.NumDirect
	}
	io := &types.Ctx{Types: b}
	var s strings.Builder
	printed, input := 0, 0
	for i := 0; i < len(all); i++ {
		mode := byte('i')
		if i < len(f.ArgModes) {
			mode = f.ArgModes[i]
		}
		word, isInput := "", false
		switch mode {
		case 'i':
			isInput = true
			if f.Kind == 'p' {
				word = "IN "
			}
		case 'b':
			word, isInput = "INOUT ", true
		case 'o':
			word = "OUT "
		case 'v':
			word, isInput = "VARIADIC ", true
		}
		if isInput {
			input++
		}
		if table != (mode == 't') {
			continue
		}
		if printed == orderBy {
			if printed > 0 {
				s.WriteByte(' ')
			}
			s.WriteString("ORDER BY ")
		} else if printed > 0 {
			s.WriteString(", ")
		}
		s.WriteString(word)
		if i < len(f.ArgNames) && f.ArgNames[i] != "" {
			s.WriteString(catalog.QuoteIdent(f.ArgNames[i]) + " ")
		}
		s.WriteString(types.FormatTypeName(io, all[i]))
		if n := input - (len(f.Args) - len(values)); isInput && n > 0 && n <= len(values) {
			s.WriteString(" DEFAULT " + values[n-1])
		}
		printed++
		// The last argument of a variadic ordered-set aggregate stands before and after ORDER BY.
		if printed == orderBy && i == len(all)-1 {
			i--
			values = nil
		}
	}
	return s.String(), printed
}

// splitDefaults splits a list of SQL expressions at its top-level commas.
func splitDefaults(s string) (out []string) {
	depth, start := 0, 0
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	if s = strings.TrimSpace(s[start:]); s != "" {
		out = append(out, s)
	}
	return out
}

// Result prints what a function returns, as pg_get_function_result; ok is false for procedures.
func Result(b *catalog.Bound, f *catalog.Proc) (text string, ok bool) {
	if f.Kind == 'p' {
		return "", false
	}
	if f.RetSet {
		if cols, n := arguments(b, f, true, false); n > 0 {
			return "TABLE(" + cols + ")", true
		}
		return "SETOF " + types.FormatTypeName(&types.Ctx{Types: b}, f.Ret), true
	}
	return types.FormatTypeName(&types.Ctx{Types: b}, f.Ret), true
}

// ArgDefault prints the default of argument n (from 1, all modes), as pg_get_function_arg_default; ok is false when it has none.
func ArgDefault(b *catalog.Bound, f *catalog.Proc, n int) (string, bool) {
	values := defaultTexts(b, f)
	all := len(f.AllArgs)
	if all == 0 {
		all = len(f.Args)
	}
	if n < 1 || n > all || len(values) == 0 {
		return "", false
	}
	input := 0
	for i := range n {
		isInput := i >= len(f.ArgModes) || f.ArgModes[i] == 'i' || f.ArgModes[i] == 'b' || f.ArgModes[i] == 'v'
		if isInput {
			input++
		} else if i == n-1 {
			return "", false
		}
	}
	k := input - (len(f.Args) - len(values))
	if k < 1 || k > len(values) {
		return "", false
	}
	return values[k-1], true
}

// FunctionDef prints CREATE FUNCTION, as pg_get_functiondef.
func FunctionDef(b *catalog.Bound, f *catalog.Proc) string {
	kind := "FUNCTION"
	if f.Kind == 'p' {
		kind = "PROCEDURE"
	}
	var s strings.Builder
	schema := "pg_catalog"
	if n := b.Schema(f.Namespace); n != nil {
		schema = n.Name
	}
	s.WriteString("CREATE OR REPLACE " + kind + " " + catalog.QuoteIdent(schema) + "." + catalog.QuoteIdent(f.Name) + "(" + Arguments(b, f, true) + ")\n")
	if res, ok := Result(b, f); ok {
		s.WriteString(" RETURNS " + res + "\n")
	}
	lang := catalog.LanguageName(f.Lang)
	s.WriteString(" LANGUAGE " + catalog.QuoteIdent(lang) + "\n")
	n := s.Len()
	if f.Kind == 'w' {
		s.WriteString(" WINDOW")
	}
	switch f.Volatile {
	case 'i':
		s.WriteString(" IMMUTABLE")
	case 's':
		s.WriteString(" STABLE")
	}
	switch f.Parallel {
	case 's':
		s.WriteString(" PARALLEL SAFE")
	case 'r':
		s.WriteString(" PARALLEL RESTRICTED")
	}
	if f.Strict {
		s.WriteString(" STRICT")
	}
	if f.SecDef {
		s.WriteString(" SECURITY DEFINER")
	}
	if f.LeakProof {
		s.WriteString(" LEAKPROOF")
	}
	if f.Cost != 1 && (lang == "internal" || lang == "c") || f.Cost != 100 && lang != "internal" && lang != "c" {
		s.WriteString(" COST " + strconv.FormatFloat(float64(f.Cost), 'g', -1, 32))
	}
	if f.Rows > 0 && f.Rows != 1000 {
		s.WriteString(" ROWS " + strconv.FormatFloat(float64(f.Rows), 'g', -1, 32))
	}
	if f.Support != 0 {
		if p := b.Proc(f.Support); p != nil {
			s.WriteString(" SUPPORT " + catalog.QuoteIdent(p.Name))
		}
	}
	if s.Len() > n {
		s.WriteByte('\n')
	}
	for _, c := range f.Config {
		name, value, _ := strings.Cut(c, "=")
		s.WriteString(" SET " + catalog.QuoteIdent(name) + " TO '" + strings.ReplaceAll(value, "'", "''") + "'\n")
	}
	if body, ok := SQLBody(b, f); ok {
		s.WriteString(body + "\n")
		return s.String()
	}
	s.WriteString("AS ")
	if f.Bin != "" {
		s.WriteString("'" + strings.ReplaceAll(f.Bin, "'", "''") + "', ")
	}
	tag := "$function"
	if f.Kind == 'p' {
		tag = "$procedure"
	}
	for strings.Contains(f.Src, tag) {
		tag += "x"
	}
	tag += "$"
	s.WriteString(tag + f.Src + tag + "\n")
	return s.String()
}

// Signature prints a function's name with its input types, as regprocedure does.
func Signature(b *catalog.Bound, f *catalog.Proc) string {
	io := &types.Ctx{Types: b}
	name := catalog.QuoteIdent(f.Name)
	if !b.FunctionVisible(f.OID) {
		if n := b.Schema(f.Namespace); n != nil {
			name = catalog.QuoteIdent(n.Name) + "." + name
		}
	}
	args := make([]string, len(f.Args))
	for i, a := range f.Args {
		args[i] = types.FormatTypeName(io, a)
	}
	return name + "(" + strings.Join(args, ",") + ")"
}
