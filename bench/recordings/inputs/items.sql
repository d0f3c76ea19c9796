-- A small shop: fill, index, join, search, change, delete, compact.
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, price REAL, tags TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO item
SELECT i, 'item ' || i || ' ' || hex(i * 7919), (i * 37 % 1000) / 10.0,
       substr('red green blue black white', 1 + i % 20, 5 + i % 9) FROM n;
CREATE INDEX item_name ON item(name);
CREATE INDEX item_price ON item(price);
CREATE TABLE pair AS SELECT a.id AS x, b.id AS y FROM item a JOIN item b ON b.id = a.id * 2 WHERE a.id % 3 = 0;
SELECT tags, count(*), length(group_concat(name, ',')) FROM item GROUP BY tags ORDER BY 2 DESC LIMIT 10;
SELECT name FROM item WHERE name LIKE '%77%' ORDER BY upper(name) DESC LIMIT 20;
UPDATE item SET name = replace(name, 'item', 'thing') WHERE id % 5 = 0;
DELETE FROM item WHERE id % 7 = 0;
SELECT count(*) FROM item, pair WHERE item.id = pair.x;
VACUUM;
