package types

import (
	"encoding/json"
	"unicode/utf8"
)

// datumJSON is the JSON form of a Datum: null, {"i": n}, {"s": text} or, when the packed form is not UTF-8, {"b": base64}.
type datumJSON struct {
	I int64  `json:"i,omitempty"`
	S string `json:"s,omitempty"`
	B []byte `json:"b,omitempty"`
}

// MarshalJSON writes a datum so that its packed bytes survive; catalog descriptors are stored as JSON.
func (d Datum) MarshalJSON() ([]byte, error) {
	if d.Null {
		return []byte("null"), nil
	}
	if utf8.ValidString(d.S) {
		return json.Marshal(datumJSON{I: d.I, S: d.S})
	}
	return json.Marshal(datumJSON{I: d.I, B: []byte(d.S)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Datum) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*d = NullDatum
		return nil
	}
	var j datumJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*d = Datum{I: j.I, S: j.S}
	if j.B != nil {
		d.S = string(j.B)
	}
	return nil
}
