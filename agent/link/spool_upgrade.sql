-- What an older agent left, in the words of this one: else its results could
-- not be sent and its locked boards not be resumed after an update.

-- Protocol version 2: results say where their time went.
-- name: upgrade_2
UPDATE attempt SET result = json_set(result, '$.v', 2,
    '$.wire_ms', 0, '$.usb_ms', 0, '$.nor_erase_ms', 0, '$.nor_program_ms', 0,
    '$.nor_verify_ms', 0, '$.flash_ms', 0, '$.option_reload_ms', 0,
    '$.uart_ms', 0, '$.cpu_ms', 0, '$.card_ms', 0, '$.cloud_ms', 0,
    '$.controller_ms', 0, '$.wait_ms', 0,
    '$.rest_ms', json_extract(result, '$.cycle_ms'))
WHERE json_valid(result) AND json_extract(result, '$.v') = 1;
UPDATE spool SET message = json_set(message, '$.v', 2,
    '$.wire_ms', 0, '$.usb_ms', 0, '$.nor_erase_ms', 0, '$.nor_program_ms', 0,
    '$.nor_verify_ms', 0, '$.flash_ms', 0, '$.option_reload_ms', 0,
    '$.uart_ms', 0, '$.cpu_ms', 0, '$.card_ms', 0, '$.cloud_ms', 0,
    '$.controller_ms', 0, '$.wait_ms', 0,
    '$.rest_ms', json_extract(message, '$.cycle_ms'))
WHERE kind = 'result' AND json_valid(message)
  AND json_extract(message, '$.v') = 1;
UPDATE spool SET message = json_set(message, '$.v', 2)
WHERE kind <> 'result' AND json_valid(message)
  AND json_extract(message, '$.v') = 1;

-- Protocol version 3: another permit; results are as they were.
-- name: upgrade_3
UPDATE attempt SET result = json_set(result, '$.v', 3)
WHERE json_valid(result) AND json_extract(result, '$.v') = 2;
UPDATE spool SET message = json_set(message, '$.v', 3)
WHERE json_valid(message) AND json_extract(message, '$.v') = 2;
