"""A faithful Yandex Metrica to run against: the CRM data (CDP) of one counter, beside the sandbox Yespo.

Written from Metrica's documents alone and importing nothing of the connector, as the sandbox Yespo is.
`service.Metrica` is the API, `counter.Counter` what the counter holds.
"""
