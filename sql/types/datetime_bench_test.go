package types

func init() {
	benchValues = append(benchValues, []struct {
		name string
		oid  OID
		text string
	}{
		{"date", OIDDate, "2024-02-29"}, {"timestamp", OIDTimestamp, "2024-02-29 12:34:56.789"}, {"timestamptz", OIDTimestamptz, "2024-02-29 12:34:56.789+00"},
		{"slowTimestamp", OIDTimestamp, "Thu Feb 29 12:34:56 2024"}, {"time", OIDTime, "12:34:56"}, {"interval", OIDInterval, "1 day 02:03:04"},
		{"json", OIDJson, `{"id": 12345, "name": "some name", "tags": ["a", "b"], "ok": true}`},
		{"jsonb", OIDJsonb, `{"id": 12345, "name": "some name", "tags": ["a", "b"], "ok": true}`}, {"inet", OIDInet, "192.168.1.5/24"},
	}...)
}
