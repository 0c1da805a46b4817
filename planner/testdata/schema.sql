-- big has 10000 rows, mid 1000 and small 50; half of big's rows have a mid, and each mid a small.
CREATE TABLE small (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE mid (id int PRIMARY KEY, small_id int REFERENCES small, v numeric, s text);
CREATE TABLE big (id int PRIMARY KEY, mid_id int, ten int, hundred int, t text, d date);
CREATE INDEX mid_small ON mid (small_id);
CREATE INDEX big_mid ON big (mid_id);
CREATE INDEX big_ten_hundred ON big (ten, hundred);
CREATE INDEX big_t ON big (t) WHERE ten = 1;
INSERT INTO small SELECT i, 'name ' || i FROM generate_series(1, 50) i;
INSERT INTO mid SELECT i, 1 + i % 50, i * 1.5, 'text ' || i % 100 FROM generate_series(1, 1000) i;
INSERT INTO big SELECT i, CASE WHEN i % 2 = 0 THEN 1 + i * 7919 % 1000 END, i % 10, i % 100, md5((i % 3000)::text), date '2020-01-01' + i % 1000 FROM generate_series(1, 10000) i;
