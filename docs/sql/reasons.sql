SELECT count(*) AS rows, owner, "column", reason, remedy
FROM bingads_attention
WHERE state <> 'superseded' -- done; nothing to mend
GROUP BY owner, "column", reason, remedy
ORDER BY rows DESC
