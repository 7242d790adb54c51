package keys_test

// groupRows are asked whether the Envoy has a listener of its own.
func groupRows() []row {
	mine := ownListener + "groups: [<name>]\n---\ngroup: <name>\nmatch: "
	there := listening()
	return []row{
		{
			key: "listener.groups", yaml: mine + "[{id: nobody}]\n",
			check: absent(),
		},
		{
			key:     "group.group",
			yaml:    mine + "[{id: test-id}]\n---\ngroup: <name>-2\nmatch: [{id: nobody}]\n",
			ignored: mine + "[{id: nobody}]\n---\ngroup: <name>-2\nmatch: [{id: test-id}]\n",
			check:   there,
		},
		{
			key: "group.match", form: "any line", yaml: mine + "[{id: nobody}, {id: test-id}]\n", instead: "[{id: nobody}, {cluster: nobody}]",
			check: there,
		},
		{
			key: "group.match.id", form: "pattern", yaml: mine + `[{id: "t*-?[a-f]"}]` + "\n", instead: `"t*-?[g-z]"`,
			check: there,
		},
		{
			key: "group.match.id", form: "beside another key", yaml: mine + "[{id: nobody, cluster: test-cluster}]\n",
			check: absent(),
		},
		{
			key: "group.match.cluster", yaml: mine + "[{cluster: test-cluster}]\n", instead: "test",
			check: there,
		},
		{
			key: "group.match.cluster", form: "beside another key", yaml: mine + "[{id: test-id, cluster: nobody}]\n",
			check: absent(),
		},
		{
			key: "group.match.metadata", yaml: mine + "[{metadata: {region: eu, place: {rack: 7}}}]\n", instead: "{region: eu, place: {rack: 8}}",
			check: there,
		},
		{
			key: "group.match.metadata", form: "beside another key", yaml: mine + "[{id: test-id, metadata: {region: us}}]\n",
			check: absent(),
		},
	}
}
