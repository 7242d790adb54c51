package model

import "slices"

// TakesRPCs says whether a gRPC request can match: its method is always POST,
// and it has no query.
func (m Match) TakesRPCs() bool {
	return (len(m.Methods) == 0 || slices.Contains(m.Methods, "POST")) &&
		!slices.ContainsFunc(m.Query, func(v ValueMatch) bool { return !v.Not })
}

// IsRPCStatus says whether a reason to retry is a status of gRPC's own, the one
// kind that gRPC clients retry on.
func IsRPCStatus(reason string) bool {
	switch reason {
	case "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable":
		return true
	}
	return false
}
