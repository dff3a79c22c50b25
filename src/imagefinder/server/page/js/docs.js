// The description of the API, to read and to try out.
SwaggerUIBundle({
  url: document.currentScript.src.replace(/(\/page\/\w+)?\/js\/docs\.js$/, "/openapi.json"),
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  validatorUrl: null, // it would be asked on another host
});
