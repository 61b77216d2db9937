package consultest

import (
	"encoding/json"
	"net/http"
)

// The endpoints below /v1/agent and /v1/status:
// https://developer.hashicorp.com/consul/api-docs/agent

func (s *Server) registerService(_ http.ResponseWriter, r *http.Request, _ string) error {
	var service registration
	if err := json.NewDecoder(r.Body).Decode(&service); err != nil {
		return decodeError(err)
	}
	query := r.URL.Query()
	value := query.Get("replace-existing-checks")
	replace := query.Has("replace-existing-checks") && (value == "" || value == "true")
	return s.catalog.register(service, replace)
}

func (s *Server) deregisterService(_ http.ResponseWriter, _ *http.Request, id string) error {
	return s.catalog.deregister(id)
}

func (s *Server) registerCheck(_ http.ResponseWriter, r *http.Request, _ string) error {
	var definition checkDefinition
	if err := json.NewDecoder(r.Body).Decode(&definition); err != nil {
		return decodeError(err)
	}
	return s.catalog.registerCheck(definition)
}

func (s *Server) deregisterCheck(_ http.ResponseWriter, _ *http.Request, id string) error {
	return s.catalog.deregisterCheck(id)
}

func setCheck(status string) func(*Server, http.ResponseWriter, *http.Request, string) error {
	return func(s *Server, _ http.ResponseWriter, r *http.Request, id string) error {
		return s.catalog.update(id, status, r.URL.Query().Get("note"))
	}
}

func (s *Server) updateCheck(_ http.ResponseWriter, r *http.Request, id string) error {
	var update checkUpdate
	if err := json.NewDecoder(r.Body).Decode(&update); err != nil {
		return decodeError(err)
	}
	if !validStatus(update.Status) {
		return &httpError{http.StatusBadRequest, "Invalid check status: '" + update.Status + "'"}
	}
	return s.catalog.update(id, update.Status, update.Output)
}

func (s *Server) listServices(w http.ResponseWriter, _ *http.Request, _ string) error {
	return writeJSON(w, s.catalog.list())
}

func (s *Server) self(w http.ResponseWriter, _ *http.Request, _ string) error {
	return writeJSON(w, map[string]any{
		"Config": map[string]any{"Datacenter": datacenter, "NodeName": nodeName, "NodeID": nodeID, "Server": true},
		"Member": map[string]any{"Name": nodeName, "Addr": nodeAddress, "Status": 1},
		"Meta":   map[string]string{},
	})
}

func (s *Server) leader(w http.ResponseWriter, _ *http.Request, _ string) error {
	return writeJSON(w, nodeAddress+":8300")
}
