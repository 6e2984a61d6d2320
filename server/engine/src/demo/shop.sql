-- The database `shop` of the demo: a small business whose tables have the faults that maintenance is for.
-- Run once, by the cluster's superuser, in the new database; {maintainer} is the role Drydock works as.
-- A line that begins with "-- next session" ends the connection and opens another one.

CREATE EXTENSION pgstattuple;
-- Where the server programs come with it, the private cluster loads it.
DO $$ BEGIN IF current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%' THEN CREATE EXTENSION pg_stat_statements; END IF; END $$;
CREATE SCHEMA shop AUTHORIZATION shop_owner;
GRANT USAGE ON SCHEMA shop TO {maintainer};
GRANT EXECUTE ON FUNCTION pg_catalog.pg_reload_conf() TO {maintainer};
SET ROLE shop_owner;
SET search_path = shop;

CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE, joined_at timestamptz NOT NULL);
INSERT INTO customer (name, email, joined_at)
SELECT 'Customer ' || n, 'customer' || n || '@shop.example', now() - n * interval '37 minutes' FROM generate_series(1, 20000) n;

CREATE TABLE product (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL, price_cents integer NOT NULL CHECK (price_cents > 0));
INSERT INTO product (title, price_cents) SELECT 'Product ' || n, 100 + (n * 7919) % 90000 FROM generate_series(1, 3000) n;

-- Many rows changed since statistics were taken: VACUUM and ANALYZE are due.
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer, state text NOT NULL, note text, placed_at timestamptz NOT NULL)
    WITH (autovacuum_enabled = false);
INSERT INTO orders (customer_id, state, note, placed_at)
SELECT 1 + (n * 7919) % 20000, 'paid', CASE WHEN n % 40 = 0 THEN 'gift wrap, please' END, now() - n * interval '3 minutes' FROM generate_series(1, 90000) n;
CREATE INDEX orders_customer_idx ON orders (customer_id);
CREATE INDEX orders_placed_idx ON orders (placed_at);

CREATE TABLE order_item (order_id bigint NOT NULL REFERENCES orders, line integer NOT NULL, product_id bigint NOT NULL REFERENCES product, pieces integer NOT NULL, PRIMARY KEY (order_id, line));
INSERT INTO order_item SELECT n, 1, 1 + (n * 31) % 3000, 1 + n % 4 FROM generate_series(1, 90000) n;
INSERT INTO order_item SELECT n, 2, 1 + (n * 37) % 3000, 1 FROM generate_series(1, 90000, 2) n;

-- Carts come and go, and most are gone: the indexes kept their size.
CREATE TABLE cart (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, token text NOT NULL, customer_id bigint, seen_at timestamptz NOT NULL)
    WITH (autovacuum_enabled = false);
CREATE UNIQUE INDEX cart_token_idx ON cart (token);
CREATE INDEX cart_seen_idx ON cart (seen_at, customer_id);
INSERT INTO cart (token, customer_id, seen_at)
SELECT md5(n::text || 'cart'), n % 20000, now() - (n % 9000) * interval '1 minute' FROM generate_series(1, 220000) n;
DELETE FROM cart WHERE id % 6 <> 0;

-- Filled by a night job and never analysed: the planner guesses.
CREATE TABLE stock_movement (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, product_id bigint NOT NULL, pieces integer NOT NULL, at timestamptz NOT NULL)
    WITH (autovacuum_enabled = false);
INSERT INTO stock_movement (product_id, pieces, at)
SELECT 1 + (n * 17) % 3000, n % 50 - 10, now() - n * interval '11 seconds' FROM generate_series(1, 60000) n;

-- next session: the counters of the one above are written when it ends.
VACUUM shop.cart;
ANALYZE shop.customer, shop.product, shop.orders, shop.order_item, shop.cart;
-- next session
UPDATE shop.orders SET state = 'shipped' WHERE id % 3 = 0;
UPDATE shop.cart SET seen_at = now() WHERE id % 12 = 0;
