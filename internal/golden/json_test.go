package golden

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

func TestJSON(t *testing.T) {
	packed, err := anypb.New(durationpb.New(1500))
	if err != nil {
		t.Fatal(err)
	}
	fields, err := structpb.NewStruct(map[string]any{"z": 1000000, "a": "<&>"})
	if err != nil {
		t.Fatal(err)
	}
	got := JSON(t, map[string]any{
		"values": Proto(t, fields),
		"list":   Protos(t, []*anypb.Any{packed}),
		"none":   Protos(t, []*anypb.Any{}),
	})
	want := `{
  "list": [
    {
      "@type": "type.googleapis.com/google.protobuf.Duration",
      "value": "0.000001500s"
    }
  ],
  "none": [],
  "values": {
    "a": "<&>",
    "z": 1000000
  }
}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}
