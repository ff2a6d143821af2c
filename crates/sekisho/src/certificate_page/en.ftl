# The certificate information page in English. Each message has its counterpart of the same name in ja.ftl.

title = Certificates of { $service }
intro = With these certificates this mail service proves who it is. This page is for partners who verify them, pin them, or open firewalls for the checks.
as-of = As of { $date }
other-language = 日本語
nothing-published = Nothing is published here.
json = The same for programs (JSON)

# Roles
role-heading = { $names }
role-server = Presented to those who bring mail to: { $names }
role-client = Presented, where it is asked for, when mail is brought as: { $names }
role-name = The operator calls it: { $name }
move-at = The certificate changes at { $instant }.
move-was = The certificate changed at { $instant }.
move-undecided = A next certificate is ready. From when on it is presented is not decided yet.
move-columns = Until then both stand here side by side. Marked rows differ.
move-columns-since = Both stand here side by side for a while. Marked rows differ.

# What a partner must do
steps = What you must do
no-steps = Nothing: it is enough to take mail over TLS.
step-trust-root = Trust this root certificate authority: { $root }
step-trust-root-before = Trust this root certificate authority too, before { $instant }: { $root }
step-trust-root-next = Trust this root certificate authority too; the next certificate leads to it: { $root }
step-issuer-unknown = Trust the certificate authority that issued the chain: { $root }
step-replace-pin = If you pin the key or the certificate: allow the new one beside the old one before { $instant }.
step-replace-pin-undecided = If you pin the key or the certificate: allow the new one beside the old one. The date of the change will be shown here.
step-drop-pin = If you pin the key or the certificate: only the new one has been presented since { $instant }. The old one can go.
step-drop-pin-undated = If you pin the key or the certificate: only the new one is presented by now. The old one can go.
step-keep-pin = If you pin the key: there is nothing to do, it stays the same. If you pin the certificate itself: take the new one.
step-pin-self-signed = Nobody issued this certificate. If you want to verify it, pin it, and compare the fingerprint over another channel.
step-open-hosts = If your servers check certificates for revocation, or fetch missing ones: let them reach these hosts.
step-accept-client = Accept the certificate as a client certificate too, from: { $names }
step-accept-client-usage = Its extended key usage is for servers (serverAuth) alone, as public authorities issue it by now. Accept that for clients.

# Rows of the table
family-ecdsa = Certificate with an ECDSA key
family-rsa = Certificate with an RSA key
family-other = Certificate
family-both = Each peer is shown the one that it can verify. Be ready for both.
column-row = Property
column-current = In force
column-current-until = In force until { $date }
column-current-since = In force since { $date }
column-next = Next
column-next-from = Next, from { $date }
column-previous = Previous
column-previous-until = Previous, until { $date }
changed = changed
row-root = Root certificate authority
row-name = Name (CN)
row-organization = Organization (O)
row-unit = Organizational unit (OU)
row-names = Names (SAN)
more-names = { $count ->
    [one] and one more
   *[other] and { $count } more
}
row-issuer = Issuer
row-key = Key strength
row-not-before = Valid from
row-not-after = Valid until
row-serial = Serial number
row-sha256 = SHA-256 fingerprint
row-sha1 = SHA-1 fingerprint (thumbprint)
row-spki = SHA-256 of the public key (SPKI)
row-spki-base64 = The same in base64
row-tlsa = Data of the TLSA record
row-issuers = Intermediate certificates
row-download = Download
download-chain = Chain (PEM)
download-certificate = Certificate (DER)
until = until { $date }
none = none
key-rsa = RSA, { $bits } bits
key-curve = ECDSA, { $curve }
root-trusted = trusted by this service itself
root-presented = presented along with the certificate
root-self-signed = self-signed: there is none
root-unknown = named as the issuer; not presented

# Addresses
endpoints = Addresses in the chain
column-purpose = Purpose
column-address = Address
endpoint-crl = Revocation list (CRL)
endpoint-ocsp = Revocation status (OCSP)
endpoints-fault = Not all of them can be told: { $why }
endpoint-issuer = Issuer's certificate (AIA)

# How to check
check = How to check
check-root-windows = Whether the root is there, on Windows (also in certlm.msc, “Trusted Root Certification Authorities”):
check-root-unix = Whether the root is there, with OpenSSL and the downloaded chain:
check-url-windows = Whether an address can be reached, on Windows (choose “CRLs” or “Certs”, then “Retrieve”):
check-url-unix = Whether an address can be reached, elsewhere:
check-file = The fingerprint of a downloaded chain:

# Facts below a step
fact-root-key = Key
fact-until = Valid until
fact-sha256 = SHA-256 fingerprint
fact-sha1 = SHA-1 fingerprint (thumbprint)
fact-published-at = Published at
fact-new-pin = New key (SPKI, SHA-256)
fact-old-pin = Old key (SPKI, SHA-256)
fact-pin = Key (SPKI, SHA-256)
fact-new-tlsa = New TLSA record data
fact-family = Kind of key
fact-host = Host, TCP port { $port }

# Dates
instant = { $clock } UTC ({ $date })
date = { $day } { $month } { $year }
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December

# The letter to partners who pin a key that is rolled over
letter-subject = { $names }: TLS certificate on a new key
letter-intro = The mail service { $service } is about to present a TLS certificate on a new key as { $names }. You are told because you pin the key or the certificate, or check it by a TLSA record of your own.
letter-at = The change takes place at { $instant }. Until then the current certificate is presented.
letter-undecided = The instant of the change will be told. Until then the current certificate is presented.
letter-current =
    The current certificate
      Key: { $key }
      Issuer: { $issuer }
      Valid from: { $from }
      Valid until: { $until }
      SHA-256 of the certificate: { $sha256 }
      SHA-256 of the public key: { $spki }
      TLSA: { $tlsa }
letter-next =
    The next certificate
      Key: { $key }
      Issuer: { $issuer }
      Valid from: { $from }
      Valid until: { $until }
      SHA-256 of the certificate: { $sha256 }
      SHA-256 of the public key: { $spki }
      TLSA: { $tlsa }
letter-next-key =
    The next key (its certificate is not issued yet)
      Key: { $key }
      SHA-256 of the public key: { $spki }
      TLSA: { $tlsa }
letter-do = Please allow the next key beside the current one before the change, and take the current one away after it. Compare the digests over a channel that you trust before you rely on them.
