// Settings that change while a program runs, and are there when the store is not.
//
//   raftkv &
//   raftkv put shop/Limits/Orders 10
//   dotnet run --project samples/ConfigReload
//
// Then, in another window, `raftkv put shop/Limits/Orders 20`; or stop the member and start the program again.
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;
using RaftKv.Client;
using RaftKv.Extensions.Configuration;

var store = new RaftKvClientOptions { Endpoints = [new(args.Length > 0 ? args[0] : "http://127.0.0.1:2379")] };
using var settings = (ConfigurationRoot)new ConfigurationBuilder()
    .AddInMemoryCollection([new("Limits:Orders", "1")]) // where the store says nothing
    .AddRaftKv(store, new RaftKvConfigurationOptions
    {
        Prefix = "shop/",
        LastGoodFile = Path.Join(args.Length > 1 ? args[1] : ".", "settings.json"),
        IsOptional = true,
        OnFailure = failure => Console.Error.WriteLine(failure.Message),
    })
    .Build();

using var changes = ChangeToken.OnChange(settings.GetReloadToken, Show);
Show(); // after that, so that no change falls between the two
Console.In.ReadLine(); // until Enter

void Show() => Console.WriteLine($"Orders are limited to {settings["Limits:Orders"]}.");
