-- Measurements over time: a partitioned table, one partition a month, and a materialized view.
CREATE TABLE tide (
    station text NOT NULL,
    measured_at timestamptz NOT NULL,
    level_m double precision NOT NULL
) PARTITION BY RANGE (measured_at);

SELECT format('CREATE TABLE tide_2026_%s PARTITION OF tide FOR VALUES FROM (%L) TO (%L)',
              to_char(month, 'MM'), month, month + interval '1 month')
FROM generate_series(timestamptz '2026-01-01 UTC', timestamptz '2026-06-01 UTC', '1 month') AS month \gexec

INSERT INTO tide
SELECT station, minute, 2 + 1.8 * sin(extract(epoch FROM minute) / 7100)
FROM unnest(ARRAY['north pier', 'Südmole', 'île verte']) AS station,
     generate_series(timestamptz '2026-01-01 UTC', timestamptz '2026-06-30 UTC', '5 minutes') AS minute;

CREATE MATERIALIZED VIEW high_water AS
SELECT station, date_trunc('day', measured_at) AS day, max(level_m) AS level_m FROM tide GROUP BY 1, 2;
