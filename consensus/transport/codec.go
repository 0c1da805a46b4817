package transport

import (
	"encoding/json"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// codec writes raft's messages as protobuf and everything else as JSON, which people can read in a packet dump and which takes new fields easily.
type codec struct{}

// Name is part of the content type.
func (codec) Name() string { return "kimberlite" }

// Marshal implements encoding.Codec.
func (codec) Marshal(v any) ([]byte, error) {
	if m, ok := v.(*raftpb.Message); ok {
		return proto.Marshal(m)
	}
	return json.Marshal(v)
}

// Unmarshal implements encoding.Codec.
func (codec) Unmarshal(data []byte, v any) error {
	if m, ok := v.(*raftpb.Message); ok {
		if err := proto.Unmarshal(data, m); err != nil {
			return fmt.Errorf("decoding a raft message: %w", err)
		}
		return nil
	}
	return json.Unmarshal(data, v)
}
