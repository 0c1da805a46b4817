package functions

import (
	"strings"
	"unicode/utf8"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Regular expression operators and functions (9.7.3).

// compiledPattern is a call site's last pattern.
type compiledPattern struct {
	pattern string
	flags   areFlags
	re      *are
}

// pattern compiles a pattern; the site remembers the last one.
func (c *Call) pattern(p string, flags areFlags) (*are, error) {
	if m, ok := c.Memo.(*compiledPattern); ok && m.pattern == p && m.flags == flags {
		return m.re, nil
	}
	re, err := compileARE(p, flags)
	if err != nil {
		return nil, err
	}
	c.Memo = &compiledPattern{p, flags, re}
	return re, nil
}

func registerRegexp() {
	for _, t := range []string{"text", "name"} {
		regexOperator(t+"regexeq", areFlags{}, true)
		regexOperator(t+"regexne", areFlags{}, false)
		regexOperator(t+"icregexeq", areFlags{fold: true}, true)
		regexOperator(t+"icregexne", areFlags{fold: true}, false)
	}
	scalar("textregexsubstr", regexSubstr)
	replaceForm("textregexreplace_noopt", -1, -1, -1)
	replaceForm("textregexreplace", -1, -1, 3)
	replaceForm("textregexreplace_extended_no_n", 3, -1, -1)
	replaceForm("textregexreplace_extended_no_flags", 3, 4, -1)
	replaceForm("textregexreplace_extended", 3, 4, 5)
	scalar("regexp_match_no_flags", regexpMatch)
	scalar("regexp_match", regexpMatch)
	set("regexp_matches_no_flags", regexpMatches)
	set("regexp_matches", regexpMatches)
	scalar("regexp_split_to_array_no_flags", regexpSplitToArray)
	scalar("regexp_split_to_array", regexpSplitToArray)
	set("regexp_split_to_table_no_flags", regexpSplitToTable)
	set("regexp_split_to_table", regexpSplitToTable)
	scalar("regexp_like_no_flags", regexpLike)
	scalar("regexp_like", regexpLike)
	for _, form := range []string{"_no_start", "_no_flags", ""} {
		scalar("regexp_count"+form, regexpCount)
	}
	for _, form := range []string{"_no_start", "_no_n", "_no_endoption", "_no_flags", "_no_subexpr", ""} {
		scalar("regexp_instr"+form, regexpInstr)
	}
	for _, form := range []string{"_no_start", "_no_n", "_no_flags", "_no_subexpr", ""} {
		scalar("regexp_substr"+form, regexpSubstr)
	}
}

func regexOperator(src string, flags areFlags, want bool) {
	scalar(src, func(c *Call, a []types.Datum) (types.Datum, error) {
		re, err := c.pattern(a[1].S, flags)
		if err != nil {
			return types.Datum{}, err
		}
		found, err := re.match(a[0].S)
		return types.Bool(found == want), err
	})
}

// regexp compiles the pattern a[1] with the flags at index flagsAt, if the call has so many arguments. Functions that aren't about all
// matches refuse g.
func (c *Call) regexp(a []types.Datum, flagsAt int, name, hint string) (*are, error) {
	var flags areFlags
	if flagsAt >= 0 && flagsAt < len(a) {
		var err error
		if flags, err = parseRegexpFlags(a[flagsAt].S); err != nil {
			return nil, err
		}
	}
	if flags.global && name != "" {
		err := pgerr.Newf(pgerr.InvalidParameterValue, "%s() does not support the \"global\" option", name)
		if hint != "" {
			err = err.WithHint("%s", hint)
		}
		return nil, err
	}
	return c.pattern(a[1].S, flags)
}

// regexSubstr is substring(text from pattern): the first group if there is one, else the whole match.
func regexSubstr(c *Call, a []types.Datum) (types.Datum, error) {
	re, err := c.pattern(a[1].S, areFlags{})
	if err != nil {
		return types.Datum{}, err
	}
	m, err := re.find(a[0].S, 0)
	if err != nil || m == nil {
		return types.NullDatum, err
	}
	return groupOf(a[0].S, m, min(1, re.groups)), nil
}

func groupOf(s string, m []int, i int) types.Datum {
	if m[2*i] < 0 {
		return types.NullDatum
	}
	return types.Str(s[m[2*i]:m[2*i+1]])
}

// groupsArray is a match as regexp_match gives it: its groups, or itself when the pattern has none.
func groupsArray(c *Call, re *are, s string, m []int) types.Datum {
	vals := []types.Datum{}
	if re.groups == 0 {
		vals = append(vals, groupOf(s, m, 0))
	}
	for i := 1; i <= re.groups; i++ {
		vals = append(vals, groupOf(s, m, i))
	}
	return types.Str(types.MakeArray(c.Env.IO, types.OIDText, vals...))
}

func regexpMatch(c *Call, a []types.Datum) (types.Datum, error) {
	re, err := c.regexp(a, 2, "regexp_match", "Use the regexp_matches function instead.")
	if err != nil {
		return types.Datum{}, err
	}
	m, err := re.find(a[0].S, 0)
	if err != nil || m == nil {
		return types.NullDatum, err
	}
	return groupsArray(c, re, a[0].S, m), nil
}

func regexpMatches(c *Call, _ []types.T, a []types.Datum) (RowSource, error) {
	if anyNull(a) {
		return noRows(), nil
	}
	re, err := c.regexp(a, 2, "", "")
	if err != nil {
		return nil, err
	}
	var rows [][]types.Datum
	err = re.each(a[0].S, 0, func(m []int) bool {
		rows = append(rows, []types.Datum{groupsArray(c, re, a[0].S, m)})
		return re.flags.global
	})
	return Rows(rows), err
}

// regexpSplit cuts s at the matches, leaving empty ones at the end or right after another match out.
func regexpSplit(c *Call, a []types.Datum, name string) ([]types.Datum, error) {
	re, err := c.regexp(a, 2, name, "")
	if err != nil {
		return nil, err
	}
	s := a[0].S
	var parts []types.Datum
	last, lastMatch := 0, 0
	err = re.each(s, 0, func(m []int) bool {
		if m[0] < len(s) && m[1] > lastMatch {
			parts = append(parts, types.Str(s[last:m[0]]))
			last = m[1]
		}
		lastMatch = m[1]
		return true
	})
	return append(parts, types.Str(s[last:])), err
}

func regexpSplitToArray(c *Call, a []types.Datum) (types.Datum, error) {
	parts, err := regexpSplit(c, a, "regexp_split_to_array")
	if err != nil {
		return types.Datum{}, err
	}
	return types.Str(types.MakeArray(c.Env.IO, types.OIDText, parts...)), nil
}

func regexpSplitToTable(c *Call, _ []types.T, a []types.Datum) (RowSource, error) {
	if anyNull(a) {
		return noRows(), nil
	}
	parts, err := regexpSplit(c, a, "regexp_split_to_table")
	if err != nil {
		return nil, err
	}
	rows := make([][]types.Datum, len(parts))
	for i := range parts {
		rows[i] = parts[i : i+1]
	}
	return Rows(rows), nil
}

func regexpLike(c *Call, a []types.Datum) (types.Datum, error) {
	re, err := c.regexp(a, 2, "regexp_like", "")
	if err != nil {
		return types.Datum{}, err
	}
	found, err := re.match(a[0].S)
	return types.Bool(found), err
}

// numberArg is an integer argument with a default and a least value.
func numberArg(a []types.Datum, i int, name string, def, least int64) (int64, error) {
	if i < 0 || i >= len(a) {
		return def, nil
	}
	if a[i].I < least {
		return 0, pgerr.Newf(pgerr.InvalidParameterValue, "invalid value for parameter \"%s\": %d", name, a[i].I)
	}
	return a[i].I, nil
}

// byteOffset is where character number start (from 1) begins; beyond the end of s there is nothing to search: ok is false.
func byteOffset(s string, start int64) (pos int, ok bool) {
	for ; start > 1; start-- {
		if pos >= len(s) {
			return 0, false
		}
		_, size := utf8.DecodeRuneInString(s[pos:])
		pos += size
	}
	return pos, true
}

func regexpCount(c *Call, a []types.Datum) (types.Datum, error) {
	start, err := numberArg(a, 2, "start", 1, 1)
	if err != nil {
		return types.Datum{}, err
	}
	re, err := c.regexp(a, 3, "regexp_count", "")
	if err != nil {
		return types.Datum{}, err
	}
	n := int64(0)
	if pos, ok := byteOffset(a[0].S, start); ok {
		err = re.each(a[0].S, pos, func([]int) bool { n++; return true })
	}
	return types.Int(n), err
}

// nthMatch finds match number n from character start on; nil when there are fewer.
func nthMatch(re *are, s string, start, n int64) (m []int, err error) {
	pos, ok := byteOffset(s, start)
	if !ok {
		return nil, nil
	}
	err = re.each(s, pos, func(found []int) bool {
		if n--; n == 0 {
			m = found
		}
		return n > 0
	})
	return m, err
}

// regexpInstr has arguments string, pattern, start, N, endoption, flags, subexpr.
func regexpInstr(c *Call, a []types.Datum) (types.Datum, error) {
	start, err := numberArg(a, 2, "start", 1, 1)
	if err != nil {
		return types.Datum{}, err
	}
	n, err := numberArg(a, 3, "n", 1, 1)
	if err != nil {
		return types.Datum{}, err
	}
	end, err := numberArg(a, 4, "endoption", 0, 0)
	if err != nil {
		return types.Datum{}, err
	}
	if end > 1 {
		return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "invalid value for parameter \"%s\": %d", "endoption", end)
	}
	sub, err := numberArg(a, 6, "subexpr", 0, 0)
	if err != nil {
		return types.Datum{}, err
	}
	re, err := c.regexp(a, 5, "regexp_instr", "")
	if err != nil {
		return types.Datum{}, err
	}
	if re.groups == 0 && sub == 1 {
		sub = 0 // a pattern without groups counts as one group
	}
	m, err := nthMatch(re, a[0].S, start, n)
	if err != nil || m == nil || sub > int64(re.groups) || m[2*sub] < 0 {
		return types.Int(0), err
	}
	return types.Int(int64(utf8.RuneCountInString(a[0].S[:m[2*sub+end]])) + 1), nil
}

// regexpSubstr has arguments string, pattern, start, N, flags, subexpr.
func regexpSubstr(c *Call, a []types.Datum) (types.Datum, error) {
	start, err := numberArg(a, 2, "start", 1, 1)
	if err != nil {
		return types.Datum{}, err
	}
	n, err := numberArg(a, 3, "n", 1, 1)
	if err != nil {
		return types.Datum{}, err
	}
	sub, err := numberArg(a, 5, "subexpr", 0, 0)
	if err != nil {
		return types.Datum{}, err
	}
	re, err := c.regexp(a, 4, "regexp_substr", "")
	if err != nil {
		return types.Datum{}, err
	}
	if re.groups == 0 && sub == 1 {
		sub = 0 // a pattern without groups counts as one group
	}
	m, err := nthMatch(re, a[0].S, start, n)
	if err != nil || m == nil || sub > int64(re.groups) {
		return types.NullDatum, err
	}
	return groupOf(a[0].S, m, int(sub)), nil
}

// replaceForm registers a form of regexp_replace with the positions of its arguments start, N and flags, -1 for those it hasn't.
func replaceForm(src string, startAt, nAt, flagsAt int) {
	scalar(src, func(c *Call, a []types.Datum) (types.Datum, error) {
		if flagsAt == 3 && a[3].S != "" && a[3].S[0]-'0' < 10 {
			return types.Datum{}, pgerr.Newf(pgerr.InvalidParameterValue, "invalid regular expression option: \"%c\"", a[3].S[0]).
				WithHint("If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.")
		}
		start, err := numberArg(a, startAt, "start", 1, 1)
		if err != nil {
			return types.Datum{}, err
		}
		n, err := numberArg(a, nAt, "n", 1, 0)
		if err != nil {
			return types.Datum{}, err
		}
		re, err := c.regexp(a, flagsAt, "", "")
		if err != nil {
			return types.Datum{}, err
		}
		if nAt < 0 && re.flags.global {
			n = 0
		}
		return regexpReplace(re, a[0].S, a[2].S, start, n)
	})
}

// regexpReplace replaces match number n from character start on, or all when n is 0.
func regexpReplace(re *are, s, replacement string, start, n int64) (types.Datum, error) {
	pos, ok := byteOffset(s, start)
	if !ok {
		return types.Str(s), nil
	}
	var b []byte
	last, seen := 0, int64(0)
	err := re.each(s, pos, func(m []int) bool {
		if seen++; n > 0 && seen < n {
			return true
		}
		b = append(b, s[last:m[0]]...)
		b = appendReplacement(b, s, replacement, m)
		last = m[1]
		return n == 0
	})
	if err != nil || last == 0 && b == nil {
		return types.Str(s), err
	}
	return types.Str(string(append(b, s[last:]...))), nil
}

// appendReplacement expands \1 to \9, \& and \\.
func appendReplacement(b []byte, s, replacement string, m []int) []byte {
	for {
		i := strings.IndexByte(replacement, '\\')
		if i < 0 || i+1 == len(replacement) {
			return append(b, replacement...)
		}
		b = append(b, replacement[:i]...)
		switch c := replacement[i+1]; {
		case c == '&':
			b = append(b, s[m[0]:m[1]]...)
		case c >= '1' && c <= '9':
			if g := int(c - '0'); 2*g < len(m) && m[2*g] >= 0 {
				b = append(b, s[m[2*g]:m[2*g+1]]...)
			}
		case c == '\\':
			b = append(b, '\\')
		default: // the backslash stands for itself
			b = append(b, '\\')
			replacement = replacement[i+1:]
			continue
		}
		replacement = replacement[i+2:]
	}
}
