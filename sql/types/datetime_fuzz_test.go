package types

import "testing"

func FuzzTimestampIn(f *testing.F) {
	fuzzIn(f, OIDTimestamptz, "2004-10-19 10:23:54+02", "Jan 8, 99 BC", "J2451187.5", "infinity", "20011225T101112.5-08", "y2001m12d27h04mm05s06.789",
		"04:05 2001-02-03 America/New_York", "epoch", "2001.040 MSK")
}

func FuzzTimetzIn(f *testing.F) {
	fuzzIn(f, OIDTimetz, "04:05:06.789-8", "040506+0730", "T040506", "2003-04-12 04:05:06 America/New_York", "allballs", "11 pm")
}

func FuzzIntervalIn(f *testing.F) {
	fuzzIn(f, OIDInterval, "1-2 3 4:05:06", "P1Y2M3DT4H5M6S", "@ 1 year 2 mons -3 days 4 hours ago", "P0001-02-03T04:05:06", "1.5 weeks", "-1e3")
}

func FuzzJsonIn(f *testing.F) {
	fuzzIn(f, OIDJson, `{"a": [1, "\u00e9", null]}`, `"\ud83d\ude04"`, `[1,2`, `1e5`, `{"a":1,}`)
}

func FuzzJsonbIn(f *testing.F) {
	fuzzIn(f, OIDJsonb, `{"a": [1, "\u00e9", null], "b": {"a": 1.50}}`, `"\ud83d\ude04"`, `[[], {}]`, `-0.0`, `1e-5`)
}

func FuzzJsonpathIn(f *testing.F) {
	fuzzIn(f, OIDJsonpath, `$.a[*] ? (@.b > 1 && exists(@.c))`, `strict $.**{2 to last}.x`, `($.a + 1) * -2`, `"\u0041" like_regex "a" flag "i"`, `$[last - 1, 2 to $x]`)
}

func FuzzInetIn(f *testing.F) {
	fuzzIn(f, OIDInet, "192.168.1.5/24", "::ffff:1.2.3.4", "10.1/16", "2001:db8::/32", "1::2::3")
}

func FuzzCidrIn(f *testing.F) { fuzzIn(f, OIDCidr, "10", "192.168.1", "0x1012", "::/0") }

func FuzzMacaddrIn(f *testing.F) {
	fuzzIn(f, OIDMacaddr8, "08:00:2b:01:02:03", "08002b:010203", "08-00-2b-01-02-03-04-05")
}

// FuzzBinary feeds bytes to the receive functions of dates, json and network addresses.
func FuzzBinary(f *testing.F) {
	oids := []OID{OIDDate, OIDTime, OIDTimetz, OIDTimestamp, OIDTimestamptz, OIDInterval, OIDJson, OIDJsonb, OIDJsonpath, OIDInet, OIDCidr, OIDMacaddr, OIDMacaddr8}
	for i, text := range []string{"2001-02-03", "04:05", "04:05+06", "2001-02-03", "2001-02-03", "1 day", "[1]", `{"a":[1,2]}`, "$.a", "1.2.3.4/8", "10.0.0.0/8",
		"08:00:2b:01:02:03", "08:00:2b:01:02:03"} {
		d, err := In(nil, Of(oids[i]), text)
		if err != nil {
			f.Fatal(err)
		}
		b, err := AppendBinary(nil, nil, Of(oids[i]), d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), b)
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		oid := oids[int(which)%len(oids)]
		d, err := Recv(formCtx, Of(oid), b)
		if err != nil {
			return // an unknown jsonb version is PostgreSQL's internal error, too
		}
		AppendText(nil, formCtx, Of(oid), d)
		fuzzValue(t, oid, d)
	})
}

// FuzzDateTemplate reads any text by any template.
func FuzzDateTemplate(f *testing.F) {
	f.Add("2001-02-03 04:05", "YYYY-MM-DD HH24:MI")
	f.Add("5th of june 99", "FXDDth \"of\" Month YY")
	f.Fuzz(func(t *testing.T, text, format string) {
		if len(text) > 200 || len(format) > 200 || CheckUTF8(text) != nil || CheckUTF8(format) != nil {
			return
		}
		if ts, err := ParseTimestamptz(nil, text, format); err != nil {
			fuzzError(t, err)
		} else if _, _, err := FormatTimestamptz(nil, ts, format); err != nil {
			fuzzError(t, err)
		}
		if _, _, err := FormatInterval(Interval{-1, 2, -3}, format); err != nil {
			fuzzError(t, err)
		}
	})
}

// FuzzNumberTemplate writes and reads numbers by any template.
func FuzzNumberTemplate(f *testing.F) {
	f.Add("-12,345.67", "FM99G999D99S")
	f.Add("1e5", "9.99EEEE")
	f.Fuzz(func(t *testing.T, text, format string) {
		if len(text) > 100 || len(format) > 100 || CheckUTF8(text) != nil || CheckUTF8(format) != nil {
			return
		}
		if _, _, err := ParseNumber(text, format); err != nil {
			fuzzError(t, err)
		}
		if n, err := ParseNumeric(text); err == nil && len(NumericString(n)) < 1000 {
			if _, err := FormatNumeric(n, format); err != nil {
				fuzzError(t, err)
			}
		}
		if _, err := FormatInt(int64(len(text))-5, 32, format); err != nil {
			fuzzError(t, err)
		}
	})
}
