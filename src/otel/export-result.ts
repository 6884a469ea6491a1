import type { LogRecordExporter } from '@opentelemetry/sdk-logs';

/** What an exporter calls back with; `code` 0 is success. */
export type ExportResult = Parameters<Parameters<LogRecordExporter['export']>[1]>[0];

/** What an exporter answers when all went well. */
// oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum's member would import one copy of the SDK
export const EXPORT_SUCCESS: ExportResult = Object.freeze({ code: 0 });
