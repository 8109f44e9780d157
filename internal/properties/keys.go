package properties

import "strings"

// ConnectionKeys are the settings of connections that Java copies from the top
// level and from clusters to every client.
var ConnectionKeys = words(`
	bootstrap.servers security.protocol
	ssl.protocol ssl.enabled.protocols ssl.cipher.suites ssl.provider ssl.keystore.type ssl.keystore.location
	ssl.keystore.password ssl.keystore.key ssl.keystore.certificate.chain ssl.key.password ssl.truststore.type
	ssl.truststore.location ssl.truststore.password ssl.truststore.certificates
	ssl.endpoint.identification.algorithm ssl.keymanager.algorithm ssl.trustmanager.algorithm
	ssl.secure.random.implementation ssl.engine.factory.class
	sasl.mechanism sasl.jaas.config sasl.client.callback.handler.class sasl.login.callback.handler.class
	sasl.login.class sasl.kerberos.service.name sasl.kerberos.kinit.cmd sasl.kerberos.ticket.renew.window.factor
	sasl.kerberos.ticket.renew.jitter sasl.kerberos.min.time.before.relogin sasl.login.refresh.window.factor
	sasl.login.refresh.window.jitter sasl.login.refresh.min.period.seconds sasl.login.refresh.buffer.seconds
	sasl.login.retry.backoff.ms sasl.login.retry.backoff.max.ms sasl.login.connect.timeout.ms
	sasl.login.read.timeout.ms sasl.oauthbearer.token.endpoint.url sasl.oauthbearer.scope
	sasl.oauthbearer.client.credentials.client.id sasl.oauthbearer.client.credentials.client.secret
	sasl.oauthbearer.header.urlencode sasl.oauthbearer.scope.claim.name sasl.oauthbearer.sub.claim.name
	sasl.oauthbearer.jwks.endpoint.url sasl.oauthbearer.jwks.endpoint.refresh.ms
	sasl.oauthbearer.jwks.endpoint.retry.backoff.ms sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms
	sasl.oauthbearer.clock.skew.seconds sasl.oauthbearer.expected.audience sasl.oauthbearer.expected.issuer
	sasl.oauthbearer.jwt.retriever.class sasl.oauthbearer.jwt.validator.class sasl.oauthbearer.assertion.algorithm
	sasl.oauthbearer.assertion.claim.aud sasl.oauthbearer.assertion.claim.exp.seconds
	sasl.oauthbearer.assertion.claim.iss sasl.oauthbearer.assertion.claim.jti.include
	sasl.oauthbearer.assertion.claim.nbf.seconds sasl.oauthbearer.assertion.claim.sub sasl.oauthbearer.assertion.file
	sasl.oauthbearer.assertion.private.key.file sasl.oauthbearer.assertion.private.key.passphrase
	sasl.oauthbearer.assertion.template.file`)

// ActedConnectionKeys are those that change a connection of mm2.
var ActedConnectionKeys = words(`
	bootstrap.servers security.protocol ssl.enabled.protocols ssl.cipher.suites ssl.keystore.type
	ssl.keystore.location ssl.keystore.password ssl.keystore.key ssl.keystore.certificate.chain ssl.key.password
	ssl.truststore.type ssl.truststore.location ssl.truststore.password ssl.truststore.certificates
	ssl.endpoint.identification.algorithm ssl.engine.factory.class sasl.mechanism sasl.jaas.config
	sasl.client.callback.handler.class sasl.login.callback.handler.class sasl.login.class
	sasl.oauthbearer.token.endpoint.url sasl.oauthbearer.scope sasl.oauthbearer.header.urlencode
	sasl.oauthbearer.client.credentials.client.id sasl.oauthbearer.client.credentials.client.secret`)

// Keys that every kind of client has: those that change an mm2 client, and
// those that nothing in mm2 corresponds to.
var (
	ClientKeys = words(`client.id client.rack request.timeout.ms socket.connection.setup.timeout.ms
		retry.backoff.ms retry.backoff.max.ms metadata.max.age.ms connections.max.idle.ms`)
	IdleClientKeys = words(`client.dns.lookup reconnect.backoff.ms reconnect.backoff.max.ms send.buffer.bytes
		receive.buffer.bytes default.api.timeout.ms socket.connection.setup.timeout.max.ms metric.reporters
		metrics.num.samples metrics.sample.window.ms metrics.recording.level enable.metrics.push security.providers
		metadata.recovery.strategy metadata.recovery.rebootstrap.trigger.ms interceptor.classes config.providers
		auto.include.jmx.reporter`)
)

func words(s string) []string { return strings.Fields(s) }
