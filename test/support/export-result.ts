import type { LogRecordExporter } from '../../src/otel/log-record.ts';

/** What an exporter calls back with; `code` 0 is success. */
export type ExportResult = Parameters<Parameters<LogRecordExporter['export']>[1]>[0];
