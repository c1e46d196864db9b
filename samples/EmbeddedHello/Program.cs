// A store inside a program: no port, no other process, and what was written is there when the program runs again.
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RaftKv.Client;
using RaftKv.Hosting;

var builder = Host.CreateApplicationBuilder();
builder.Logging.SetMinimumLevel(LogLevel.Error); // a slow disk is worth a warning, which here would stand between the lines below
builder.Services.AddRaftKvServer(options => options.DataDirectory = args is [var folder, ..] ? folder : "data");
using var app = builder.Build();
await app.StartAsync();

// Any service may take the client. Its first call waits until the member leads, which takes about a second.
var client = app.Services.GetRequiredService<RaftKvClient>();
await client.PutAsync("greeting", "hello");
var greeting = await client.GetAsync("greeting");
Console.WriteLine($"{greeting!.KeyText} = {greeting.ValueText}, written {greeting.Version} time(s)");

await app.StopAsync();
