SELECT source.*, attention.reason, attention.remedy
FROM bingads_attention AS attention
JOIN offline_conversions AS source ON CAST(source.purchase_id AS VARCHAR(128)) = attention.source_ref
WHERE attention."column" = 'conversion_value'
