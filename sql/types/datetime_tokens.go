package types

// token is what a word of a date, time or interval means. The values up to tokenSecond are also bit numbers of the field mask and
// of an interval's range modifier (see typmod.go), so they are frozen.
type token uint8

const (
	tokenReserved    token = 0 // now, today, epoch, ...
	tokenMonth       token = 1
	tokenYear        token = 2
	tokenDay         token = 3
	tokenJulian      token = 4
	tokenTZ          token = 5 // a fixed time zone abbreviation, or any time zone in a mask
	tokenDTZ         token = 6 // the same in daylight-saving time
	tokenDynTZ       token = 7 // an abbreviation that means what its zone says
	tokenIgnore      token = 8
	tokenAMPM        token = 9
	tokenHour        token = 10
	tokenMinute      token = 11
	tokenSecond      token = 12
	tokenMillisecond token = 13
	tokenMicrosecond token = 14
	tokenDOY         token = 15
	tokenDOW         token = 16
	tokenUnits       token = 17
	tokenEra         token = 18
	tokenAgo         token = 19
	tokenISOTime     token = 23
	tokenWeek        token = 24
	tokenDecade      token = 25
	tokenCentury     token = 26
	tokenMillennium  token = 27
	tokenDSTMod      token = 28 // DST after an abbreviation
	tokenUnknown     token = 31
	// The rest are values only, never bits of a mask.
	tokenNow       token = 40
	tokenToday     token = 41
	tokenTomorrow  token = 42
	tokenYesterday token = 43
	tokenZulu      token = 44 // allballs
	tokenEpoch     token = 45
	tokenLate      token = 46
	tokenEarly     token = 47
	tokenQuarter   token = 48
	tokenISODOW    token = 49
	tokenISOYear   token = 50
	tokenTZHour    token = 51
	tokenTZMinute  token = 52
	tokenTime      token = 53
	tokenTZUnit    token = 54 // timezone as a unit of date_part
)

const (
	maskDate = 1<<tokenYear | 1<<tokenMonth | 1<<tokenDay
	maskSecs = 1<<tokenSecond | 1<<tokenMillisecond | 1<<tokenMicrosecond
	maskTime = 1<<tokenHour | 1<<tokenMinute | maskSecs
)

type dateToken struct {
	kind token
	val  int
}

const (
	valAM, valPM = 0, 1
	valAD, valBC = 0, 1
)

// tokenLen is how much of a word counts: longer ones are told apart by their first ten letters only, as PostgreSQL does.
const tokenLen = 10

func cutToken(s string) string {
	if len(s) > tokenLen {
		return s[:tokenLen]
	}
	return s
}

// dateTokens are the words of dates and times.
var dateTokens = func() map[string]dateToken {
	m := map[string]dateToken{
		"-infinity": {tokenReserved, int(tokenEarly)},
		"ad":        {tokenEra, valAD}, "bc": {tokenEra, valBC},
		"allballs": {tokenReserved, int(tokenZulu)},
		"am":       {tokenAMPM, valAM}, "pm": {tokenAMPM, valPM},
		"at": {tokenIgnore, 0}, "on": {tokenIgnore, 0},
		"d": {tokenUnits, int(tokenDay)}, "dow": {tokenUnits, int(tokenDOW)}, "doy": {tokenUnits, int(tokenDOY)},
		"dst": {tokenDSTMod, 3600}, "epoch": {tokenReserved, int(tokenEpoch)}, "h": {tokenUnits, int(tokenHour)},
		"infinity": {tokenReserved, int(tokenLate)}, "isodow": {tokenUnits, int(tokenISODOW)},
		"isoyear": {tokenUnits, int(tokenISOYear)}, "j": {tokenUnits, int(tokenJulian)}, "jd": {tokenUnits, int(tokenJulian)},
		"julian": {tokenUnits, int(tokenJulian)}, "m": {tokenUnits, int(tokenMonth)}, "mm": {tokenUnits, int(tokenMinute)},
		"now": {tokenReserved, int(tokenNow)}, "s": {tokenUnits, int(tokenSecond)}, "sept": {tokenMonth, 9},
		"t": {tokenISOTime, int(tokenTime)}, "thur": {tokenDOW, 4}, "thurs": {tokenDOW, 4}, "today": {tokenReserved, int(tokenToday)},
		"tomorrow": {tokenReserved, int(tokenTomorrow)}, "tues": {tokenDOW, 2}, "weds": {tokenDOW, 3},
		"y": {tokenUnits, int(tokenYear)}, "yesterday": {tokenReserved, int(tokenYesterday)},
	}
	for i := 1; i <= 12; i++ {
		name := asciiLower(monthNames[i])
		m[name], m[name[:3]] = dateToken{tokenMonth, i}, dateToken{tokenMonth, i}
	}
	for i, n := range dayNames {
		name := asciiLower(n)
		m[name], m[name[:3]] = dateToken{tokenDOW, i}, dateToken{tokenDOW, i}
	}
	return m
}()

// unitTokens are the words of intervals and the units of date_part and date_trunc.
var unitTokens = func() map[string]dateToken {
	m := map[string]dateToken{"ago": {tokenAgo, 0}, "timezone": {tokenUnits, int(tokenTZUnit)},
		"timezone_h": {tokenUnits, int(tokenTZHour)}, "timezone_m": {tokenUnits, int(tokenTZMinute)}}
	for unit, words := range map[token][]string{
		tokenCentury:     {"c", "cent", "centuries", "century"},
		tokenDay:         {"d", "day", "days"},
		tokenDecade:      {"dec", "decade", "decades", "decs"},
		tokenHour:        {"h", "hour", "hours", "hr", "hrs"},
		tokenMinute:      {"m", "min", "mins", "minute", "minutes"},
		tokenMicrosecond: {"microsecon", "us", "usec", "usecond", "useconds", "usecs"},
		tokenMillennium:  {"mil", "millennia", "millennium", "mils"},
		tokenMillisecond: {"millisecon", "ms", "msec", "msecond", "mseconds", "msecs"},
		tokenMonth:       {"mon", "mons", "month", "months"},
		tokenQuarter:     {"qtr", "quarter"},
		tokenSecond:      {"s", "sec", "second", "seconds", "secs"},
		tokenWeek:        {"w", "week", "weeks"},
		tokenYear:        {"y", "year", "years", "yr", "yrs"},
	} {
		for _, w := range words {
			m[w] = dateToken{tokenUnits, int(unit)}
		}
	}
	return m
}()

// lookupDateToken finds a word of a date or time.
func lookupDateToken(word string) dateToken {
	if t, ok := dateTokens[cutToken(word)]; ok {
		return t
	}
	return dateToken{kind: tokenUnknown}
}

// lookupUnitToken finds a word of an interval.
func lookupUnitToken(word string) dateToken {
	if t, ok := unitTokens[cutToken(word)]; ok {
		return t
	}
	return dateToken{kind: tokenUnknown}
}
