// An application as its authors write it: it knows nothing of the viewer.
package main

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
)

func main() {
	ctx := context.Background()
	exporter, err := otlploghttp.New(ctx)
	if err != nil {
		panic(err)
	}
	provider := sdklog.NewLoggerProvider(
		sdklog.WithResource(resource.NewSchemaless(attribute.String("service.name", "go-shop"))),
		sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)),
	)
	logger := provider.Logger("shop")
	var record log.Record
	record.SetBody(attribute.StringValue("order was sent"))
	record.SetSeverity(log.SeverityInfo)
	record.AddAttributes(attribute.String("session.id", "go-session"), attribute.Int64("order.id", 1<<60), attribute.ByteSlice("bytes", []byte{1, 2}))
	logger.Emit(ctx, record)
	if err := provider.Shutdown(ctx); err != nil {
		panic(err)
	}
}
