package refusal

import (
	"dragoman/model"
	"dragoman/table"
)

// Named is the file of the service that words about listener l speak of, among
// services that have much in common.
func Named(words string) string {
	at, ok := named(Some(), "l", words)
	if !ok {
		return ""
	}
	return at.File
}

// Some is a configuration of a listener and services, a file each.
func Some() *model.Config {
	service := func(name string, line int, hosts []string, routes ...model.Route) *model.Service {
		at := model.Origin{File: name + ".yaml", Line: line, Col: 1}
		for i := range routes {
			routes[i].Origin = model.Origin{File: name + ".yaml", Line: line + 3 + i, Col: 5}
		}
		return &model.Service{Name: name, Origin: at, Hosts: hosts, Listeners: []string{"l"}, Routes: routes}
	}
	to := func(name string) model.Action { return &model.Forward{To: []model.Target{{Service: name}}} }
	regex := func(text string) model.Match {
		return model.Match{Path: model.PathMatch{Kind: model.PathRegex, Value: text}}
	}
	rpc := service("rpc", 1, nil)
	rpc.Proxyless, rpc.Listeners = true, nil
	return &model.Config{
		Services: table.Of(
			rpc,
			service("bad", 1, []string{"bad.example.com", "shared.example.com"}, model.Route{Match: regex("/bad/(.*)"), Action: to("nowhere")}),
			service("good", 1, []string{"good.example.com", "shared.example.com"}, model.Route{Name: "good-route", Action: to("good")}),
			service("other", 1, []string{"*", "a.bad.example.com"}, model.Route{Action: to("good")}),
		),
		Listeners: map[string]*model.Listener{"l": {Name: "l", Origin: model.Origin{File: "l.yaml", Line: 1, Col: 1}}},
		Runtimes:  map[string]*model.Runtime{"r": {Name: "r", Origin: model.Origin{File: "r.yaml", Line: 1, Col: 1}}},
	}
}
