package main

// bootstrapTemplate is what bootstrap prints. What the user says is in quotes:
// Envoy would read a bare n as false and 123 as a number. Its comments are for
// the reader of the result.
const bootstrapTemplate = `# The Envoy side of Dragoman: all but the Envoy's name and the way to the control
# plane comes over xDS.
#
#   dragoman serve{{if .TLS}} --tls-cert FILE --tls-key FILE{{if .TLS.Cert}} --tls-client-ca FILE{{end}}{{end}} DIR
#   envoy -c THIS_FILE

# Any number of Envoys may share a name; envoy --service-node overrides it.
node:
  id: {{printf "%q" .NodeID}}
  cluster: {{printf "%q" .NodeCluster}}

# One ADS stream brings everything, clusters before the routes that need them.
dynamic_resources:
  ads_config:
{{- if .Delta}}
    api_type: DELTA_GRPC # only what has changed is sent
{{- else}}
    api_type: GRPC # all resources of a type are sent on each change
{{- end}}
    transport_api_version: V3
    set_node_on_first_message_only: true
    # At most 1,000 requests at once and 100 a second: an Envoy that refuses
    # something does not go round in circles with the control plane. One edit is a
    # handful of requests, so that fewer would hold edits up.
    rate_limit_settings: {max_tokens: 1000, fill_rate: 100}
    grpc_services:
      - envoy_grpc:
          cluster_name: dragoman
          # How long to wait before connecting again.
          retry_policy:
            retry_back_off: {base_interval: 0.5s, max_interval: 10s}
  # Wait for the first clusters and listeners without limit. With Envoy's 15 s it
  # would say that it is LIVE with nothing to serve.
  cds_config:
    resource_api_version: V3
    initial_fetch_timeout: 0s
    ads: {}
  lds_config:
    resource_api_version: V3
    initial_fetch_timeout: 0s
    ads: {}

static_resources:
  clusters:
    # The control plane.
    - name: dragoman
{{- if .DNS}}
      type: STRICT_DNS
      dns_lookup_family: ALL # IPv4 and IPv6: the server may listen on one of them
{{- else}}
      type: STATIC
{{- end}}
      connect_timeout: 3s
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config:
            http2_protocol_options: # gRPC needs HTTP/2
              # Without it a control plane that hangs is not noticed.
              connection_keepalive: {interval: 30s, timeout: 5s}
{{- with .TLS}}
      # These files are on the Envoy's host. Envoy reads them when it starts: start
      # it anew before a certificate of its own ends.
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
{{- if .SNI}}
          sni: {{printf "%q" .Name}}
{{- end}}
          common_tls_context:
            tls_params: {tls_minimum_protocol_version: TLSv1_2}
            alpn_protocols: [h2]
            validation_context:
              trusted_ca: {filename: {{printf "%q" .CA}}}
              match_typed_subject_alt_names: # not any server of this authority
                - san_type: {{.Kind}}
                  matcher: {exact: {{printf "%q" .Name}}}
{{- if .Cert}}
            tls_certificates: # who this Envoy is
              - certificate_chain: {filename: {{printf "%q" .Cert}}}
                private_key: {filename: {{printf "%q" .Key}}}
{{- end}}
{{- end}}
      load_assignment:
        cluster_name: dragoman
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address: {address: {{printf "%q" .Host}}, port_value: {{.Port}}}

layered_runtime:
  layers:
    # Values of "runtime: runtime-0" in the configuration directory.
    - name: runtime-0
      rtds_layer:
        name: runtime-0
        rtds_config:
          resource_api_version: V3
          ads: {}
{{- if .Admin}}
    # What is set through the admin endpoint comes last, and wins.
    - name: admin
      admin_layer: {}

# Whoever reaches this can stop Envoy and read its configuration.
admin:
  address:
    socket_address: {address: {{printf "%q" .AdminHost}}, port_value: {{.AdminPort}}}
{{- end}}
`
