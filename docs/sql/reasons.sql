SELECT count(*) AS rows, owner, "column", reason, remedy
FROM bingads_attention
GROUP BY owner, "column", reason, remedy
ORDER BY rows DESC
