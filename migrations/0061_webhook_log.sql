-- Webhooks: what is still owed is counted and claimed without reading all that was ever taken.

CREATE INDEX webhook_delivery_open ON drydock.webhook_delivery (webhook_id, state) WHERE state <> 'taken';
COMMENT ON COLUMN drydock.webhook.revision IS 'Rises with every change of name, address or filter: guards against lost updates.';
