package types

// The fast paths of input: the forms that PostgreSQL itself prints in ISO style. Whatever looks odd in any way is left to the full
// parser, which also finds the error.

// noOffset stands for "no time zone given" in parseISOTimestamp's result.
const noOffset = 1 << 30

// digits2 reads two digits at s[i:]; the caller has checked the length. It returns 255 if they are none.
func digits2(s string, i int) int {
	a, b := s[i]-'0', s[i+1]-'0'
	if a > 9 || b > 9 {
		return 255
	}
	return int(a)*10 + int(b)
}

// parseISODate reads YYYY-MM-DD and nothing else.
func parseISODate(s string) (days int64, ok bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	y1, y2, m, d := digits2(s, 0), digits2(s, 2), digits2(s, 5), digits2(s, 8)
	if y1 > 99 || y2 > 99 {
		return 0, false
	}
	y := y1*100 + y2
	if y == 0 || m < 1 || m > 12 || d < 1 || d > daysInMonth(y, m) {
		return 0, false
	}
	return civilToDays(y, m, d), true
}

// parseISOClock reads hh:mm:ss[.ffffff] below 24:00:00 at the start of s and says how many bytes that took.
func parseISOClock(s string) (micros int64, n int, ok bool) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return 0, 0, false
	}
	h, m, sec := digits2(s, 0), digits2(s, 3), digits2(s, 6)
	if h > 23 || m > 59 || sec > 59 {
		return 0, 0, false
	}
	micros = int64(h*3600+m*60+sec) * usecPerSec
	n = 8
	if n < len(s) && s[n] == '.' {
		n++
		scale := int64(100000)
		for n < len(s) && isDigit(s[n]) {
			if scale == 0 {
				return 0, 0, false // more than microseconds: rounding is the full parser's
			}
			micros += int64(s[n]-'0') * scale
			scale /= 10
			n++
		}
	}
	return micros, n, true
}

// parseISOTimestamp reads YYYY-MM-DD hh:mm:ss[.ffffff][+hh[:mm]] (or T for the blank, Z for the offset) at the start of s. ts is
// the local time; east is noOffset without an offset.
func parseISOTimestamp(s string) (ts int64, east, n int, ok bool) {
	if len(s) < 10 {
		return 0, 0, 0, false
	}
	days, ok := parseISODate(s[:10])
	if !ok {
		return 0, 0, 0, false
	}
	ts = days * usecPerDay
	if len(s) == 10 {
		return ts, noOffset, 10, true
	}
	if s[10] != ' ' && s[10] != 'T' {
		return 0, 0, 0, false
	}
	micros, n, ok := parseISOClock(s[11:])
	if !ok {
		return 0, 0, 0, false
	}
	n += 11
	east = noOffset
	switch {
	case n == len(s):
	case s[n] == 'Z' && n+1 == len(s):
		east = 0
		n++
	case (s[n] == '+' || s[n] == '-') && n+3 <= len(s):
		h, m := digits2(s, n+1), 0
		end := n + 3
		if end+3 <= len(s) && s[end] == ':' {
			m = digits2(s, end+1)
			end += 3
		}
		if h > 15 || m > 59 {
			return 0, 0, 0, false
		}
		east = h*3600 + m*60
		if s[n] == '-' {
			east = -east
		}
		n = end
	}
	return ts + micros, east, n, true
}
